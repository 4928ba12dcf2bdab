package dev.javisor.isa;

import dev.javisor.isa.AssemblyExpression.Value;

/**
 * The ModRM form of a memory operand: mod, r/m, SIB and the size of the displacement. Immutable.
 *
 * @param size address size in bits
 * @param mod ModRM.mod
 * @param rm base or r/m encoding, 0 to 15
 * @param sib a SIB byte follows, of {@code scale}, {@code index} and {@code base}
 * @param index 0 to 15, 4 for none
 * @param base 0 to 15, 5 with mod 0 for none
 * @param displacement value
 * @param displacementBytes its size
 * @param target the displacement is relative to the end of the instruction
 */
record AssemblyAddress(
        int size, int mod, int rm, boolean sib, int scale, int index, int base, long displacement, int displacementBytes, boolean target) {
    private static final int BX = 3, BP = 5, SI = 6, DI = 7;

    static AssemblyAddress of(AssemblyOperand operand, CodeSize mode, int givenSize, boolean needsSib, int vectorIndex) {
        Value v = operand.value();
        Register base = v.base();
        Register index = v.index();
        int scale = v.scale();
        if (index != null && index.file() == Register.File.GENERAL) {
            boolean stackPointer = index.number() == 4;
            if (scale == 1 && base != null && stackPointer) {
                Register swapped = base;
                base = index;
                index = swapped;
            }
            if (index != null && index.number() == 4) {
                throw new IllegalArgumentException(index + " cannot be an index");
            }
        }
        if (base != null && base.file() == Register.File.VECTOR && (index == null || scale == 1)) {
            Register swapped = index;
            index = base;
            base = swapped;
            scale = 1;
        }
        boolean vector = index != null && index.file() == Register.File.VECTOR;
        if (vector != (vectorIndex != 0) || vector && index.bits() != vectorIndex) {
            throw new IllegalArgumentException(vector ? index + " cannot be an index here" : "the index must be a vector register");
        }
        int size = size(operand, mode, givenSize, base, vector ? null : index);
        if (base != null && base.file() == Register.File.INSTRUCTION_POINTER) {
            if (index != null || mode != CodeSize.BITS64) {
                throw new IllegalArgumentException("no such address");
            }
            return new AssemblyAddress(size, 0, 5, false, 0, 4, 5, v.number(), 4, v.address());
        }
        if (size == 16) {
            return word(v, base, index, scale);
        }
        long displacement = size == 32 ? (int) v.number() : v.number();
        if (v.known() && displacement != (int) displacement || size == 32 && (v.number() >> 32) + 1 >>> 1 != 0) {
            throw new IllegalArgumentException("the address does not fit into 32 bits");
        }
        if (base == null && index == null) {
            if (mode == CodeSize.BITS64 && operand.relative()) {
                return new AssemblyAddress(size, 0, 5, false, 0, 4, 5, v.number(), 4, true);
            }
            boolean sib = mode == CodeSize.BITS64 || needsSib;
            return new AssemblyAddress(size, 0, sib ? 4 : 5, sib, 0, 4, 5, displacement, 4, false);
        }
        int indexNumber = index == null ? 4 : index.number();
        if (base == null) {
            return new AssemblyAddress(size, 0, 4, true, shift(scale), indexNumber, 5, displacement, 4, false);
        }
        boolean none = displacement == 0 && !v.address() && (base.number() & 7) != 5;
        boolean small = !v.address() && displacement == (byte) displacement;
        int mod = none ? 0 : small ? 1 : 2;
        int bytes = none ? 0 : small ? 1 : 4;
        boolean sib = index != null || needsSib || (base.number() & 7) == 4;
        int rm = sib ? 4 : base.number();
        return new AssemblyAddress(size, mod, rm, sib, shift(scale), indexNumber, base.number(), displacement, bytes, false);
    }

    private static int shift(int scale) {
        return scale == 0 ? 0 : Integer.numberOfTrailingZeros(scale);
    }

    private static int size(AssemblyOperand operand, CodeSize mode, int givenSize, Register base, Register index) {
        int size = base != null ? base.bits() : index != null ? index.bits() : 0;
        boolean general = (base == null || base.file() == Register.File.GENERAL || base.file() == Register.File.INSTRUCTION_POINTER)
                && (index == null || index.file() == Register.File.GENERAL && index.bits() == size);
        if (!general || size == 8) {
            throw new IllegalArgumentException("these registers cannot form an address");
        }
        int given = operand.addressSize() != 0 ? operand.addressSize() : givenSize;
        if (size == 0) {
            size = given != 0 ? given : mode.bits;
            boolean wide = operand.value().known() && operand.value().number() >>> 16 != 0;
            if (given == 0 && mode == CodeSize.BITS16 && (wide || operand.value().index() != null)) {
                size = 32;
            }
        } else if (given != 0 && given != size) {
            throw new IllegalArgumentException("the registers contradict the address size");
        }
        if (size == 16 && index == null && operand.value().index() != null) {
            throw new IllegalArgumentException("a vector of indices needs an address of 32 or 64 bits");
        }
        if (mode == CodeSize.BITS64 ? size == 16 : size == 64) {
            throw new IllegalArgumentException("no addresses of " + size + " bits in " + mode.bits + "-bit code");
        }
        return size;
    }

    private static AssemblyAddress word(Value v, Register base, Register index, int scale) {
        long number = v.number();
        if (number >> 16 != 0 && number >> 15 != -1) {
            throw new IllegalArgumentException("the address does not fit into 16 bits");
        }
        long displacement = (short) number;
        if (base == null) {
            return new AssemblyAddress(16, 0, 6, false, 0, 4, 5, displacement, 2, false);
        }
        int pair = 1 << base.number() | (index == null ? 0 : 1 << index.number());
        int rm = switch (pair) {
            case 1 << BX | 1 << SI -> 0;
            case 1 << BX | 1 << DI -> 1;
            case 1 << BP | 1 << SI -> 2;
            case 1 << BP | 1 << DI -> 3;
            case 1 << SI -> 4;
            case 1 << DI -> 5;
            case 1 << BP -> 6;
            case 1 << BX -> 7;
            default -> -1;
        };
        if (rm < 0 || scale > 1) {
            throw new IllegalArgumentException("no such 16-bit address");
        }
        boolean none = displacement == 0 && !v.address() && rm != 6;
        boolean small = !v.address() && displacement == (byte) displacement;
        return new AssemblyAddress(
                16, none ? 0 : small ? 1 : 2, rm, false, 0, 4, 5, displacement, none ? 0 : small ? 1 : 2, false);
    }
}

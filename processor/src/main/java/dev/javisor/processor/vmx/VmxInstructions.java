package dev.javisor.processor.vmx;

import dev.javisor.isa.ExitReason;
import dev.javisor.isa.Feature;
import dev.javisor.isa.Instruction;
import dev.javisor.isa.Msr;
import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmxCapabilities;
import dev.javisor.isa.VmxControl;
import dev.javisor.isa.VmxError;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;
import dev.javisor.processor.system.Hypercall;

/** The VMX instructions ("VMX Instruction Reference"): faults, exits, and the operands of what {@link VmxOperations} does. */
public final class VmxInstructions {
    private static final long LOCKED_AND_ENABLED = 5;
    private static final int RAX = 0;

    private VmxInstructions() {}

    public static Handler bind(Instruction i) {
        return switch (i.opcode.mnemonic) {
            case "VMXON" -> VmxInstructions::vmxon;
            case "VMXOFF" -> VmxInstructions::vmxoff;
            case "VMCLEAR" -> VmxInstructions::vmclear;
            case "VMPTRLD" -> VmxInstructions::vmptrld;
            case "VMPTRST" -> VmxInstructions::vmptrst;
            case "VMREAD" -> VmxInstructions::vmread;
            case "VMWRITE" -> VmxInstructions::vmwrite;
            case "VMLAUNCH" -> VmxInstructions::vmlaunch;
            case "VMRESUME" -> VmxInstructions::vmresume;
            case "VMCALL" -> VmxInstructions::vmcall;
            case "VMFUNC" -> VmxInstructions::vmfunc;
            case "INVEPT" -> VmxInstructions::invept;
            case "INVVPID" -> VmxInstructions::invvpid;
            default -> null;
        };
    }

    // ---- what comes first in all of them ----

    private static Vmx available(Cpu c) {
        if (!(c.virtualization instanceof Vmx v)) {
            throw c.ud();
        }
        return v;
    }

    /** Modes in which no VMX instruction is defined. */
    private static void checkMode(Cpu c) {
        if (!c.protectedNotV86() || c.longMode() && !c.codeSize64) {
            throw c.ud();
        }
    }

    private static void checkPrivilege(Cpu c) {
        if (c.cpl != 0) {
            throw c.gp0();
        }
    }

    /** In VMX operation; in non-root operation the instruction exits. */
    private static Vmx inRoot(Cpu c, Op o, ExitReason reason, boolean operands) {
        Vmx v = available(c);
        if (!v.operation) {
            throw c.ud();
        }
        checkMode(c);
        if (v.isNonRoot()) {
            throw exit(v, o, reason, operands);
        }
        checkPrivilege(c);
        return v;
    }

    private static VmExit exit(Vmx v, Op o, ExitReason reason, boolean operands) {
        VmExit e = v.nonRoot.instructionExit(o, reason, operands ? OperandInfo.displacement(v.cpu, o) : 0);
        if (operands) {
            e.instructionInfo = OperandInfo.memory(o);
        }
        return e;
    }

    private static long pointer(Cpu c, Op o) {
        return Memory.load64(c, Memory.readAddress(c, o, 8), o.segment);
    }

    // ---- VMX operation ----

    static void vmxon(Cpu c, Op o) {
        Vmx v = available(c);
        checkMode(c);
        if ((c.cr4 & Cr.VMXE) == 0) {
            throw c.ud();
        }
        if (v.isNonRoot()) {
            throw exit(v, o, ExitReason.VMXON, true);
        }
        checkPrivilege(c);
        if (v.operation) {
            v.fail(VmxError.VMXON_IN_ROOT);
            return;
        }
        boolean fixed = (c.cr0 & VmxCapabilities.CR0_FIXED0) == VmxCapabilities.CR0_FIXED0;
        if (!fixed || (c.msr[Msr.FEATURE_CONTROL.slot] & LOCKED_AND_ENABLED) != LOCKED_AND_ENABLED || !c.memory.a20()) {
            throw c.gp0();
        }
        VmxOperations.of(v).vmxon(pointer(c, o));
    }

    static void vmxoff(Cpu c, Op o) {
        VmxOperations.of(inRoot(c, o, ExitReason.VMXOFF, false)).vmxoff();
    }

    // ---- VMCS maintenance ----

    static void vmclear(Cpu c, Op o) {
        Vmx v = inRoot(c, o, ExitReason.VMCLEAR, true);
        VmxOperations.of(v).vmclear(pointer(c, o));
    }

    static void vmptrld(Cpu c, Op o) {
        Vmx v = inRoot(c, o, ExitReason.VMPTRLD, true);
        VmxOperations.of(v).vmptrld(pointer(c, o));
    }

    static void vmptrst(Cpu c, Op o) {
        Vmx v = inRoot(c, o, ExitReason.VMPTRST, true);
        Memory.store64(c, Memory.writeAddress(c, o, 8), o.segment, v.current.address());
        v.succeed();
    }

    // ---- fields ----

    private static int size(Cpu c) {
        return c.codeSize64 ? 8 : 4;
    }

    private static long register(Cpu c, int r) {
        return c.codeSize64 ? c.gpr[r] : c.gpr[r] & 0xFFFF_FFFFL;
    }

    /** The VMCS that a VMREAD or VMWRITE works on; one that does not exist when there is none. */
    private static Vmcs target(Vmx v, Op o, ExitReason reason, VmcsField bitmap) {
        Cpu c = v.cpu;
        if (!v.operation) {
            throw c.ud();
        }
        checkMode(c);
        if (!v.isNonRoot()) {
            checkPrivilege(c);
            return v.current;
        }
        long encoding = register(c, o.reg);
        if (!v.nonRoot.on(VmxControl.VMCS_SHADOWING) || encoding >>> 15 != 0 || v.nonRoot.bit(bitmap, (int) encoding)) {
            throw exit(v, o, reason, true);
        }
        checkPrivilege(c);
        return new Vmcs(c.memory, v.current.get(VmcsField.VMCS_LINK_POINTER));
    }

    static void vmread(Cpu c, Op o) {
        Vmx v = available(c);
        Vmcs vmcs = target(v, o, ExitReason.VMREAD, VmcsField.VMREAD_BITMAP);
        long encoding = register(c, o.reg);
        if (!vmcs.exists()) {
            v.failInvalid();
            return;
        }
        VmcsField f = v.field(encoding);
        if (f == null) {
            v.failValid(VmxError.UNSUPPORTED_FIELD);
            return;
        }
        long value = vmcs.get(f);
        if ((encoding & 1) != 0) {
            value >>>= 32;
        }
        int size = size(c);
        if (o.memory) {
            Memory.store(c, Memory.writeAddress(c, o, size), size, o.segment, value);
        } else {
            c.gpr[o.rm] = size == 8 ? value : value & 0xFFFF_FFFFL;
        }
        v.succeed();
    }

    static void vmwrite(Cpu c, Op o) {
        Vmx v = available(c);
        Vmcs vmcs = target(v, o, ExitReason.VMWRITE, VmcsField.VMWRITE_BITMAP);
        long encoding = register(c, o.reg);
        if (!vmcs.exists()) {
            v.failInvalid();
            return;
        }
        int size = size(c);
        long value = o.memory ? Memory.load(c, Memory.readAddress(c, o, size), size, o.segment) : register(c, o.rm);
        VmcsField f = v.field(encoding);
        if (f == null) {
            v.failValid(VmxError.UNSUPPORTED_FIELD);
            return;
        }
        v.write(vmcs, f, encoding, value, size == 8);
        v.succeed();
    }

    // ---- entry ----

    static void vmlaunch(Cpu c, Op o) {
        inRoot(c, o, ExitReason.VMLAUNCH, false).entry.enter(true);
    }

    static void vmresume(Cpu c, Op o) {
        inRoot(c, o, ExitReason.VMRESUME, false).entry.enter(false);
    }

    static void vmcall(Cpu c, Op o) {
        if (!(c.virtualization instanceof Vmx v) || !v.operation) {
            Hypercall.vmcall(c, o);
            return;
        }
        inRoot(c, o, ExitReason.VMCALL, false).fail(VmxError.VMCALL_IN_ROOT);
    }

    static void vmfunc(Cpu c, Op o) {
        Vmx v = available(c);
        long leaf = c.gpr[RAX] & 0xFFFF_FFFFL;
        if (!v.isNonRoot() || !v.nonRoot.on(VmxControl.ENABLE_VM_FUNCTIONS) || leaf >= 64) {
            throw c.ud();
        }
        boolean enabled = (v.current.get(VmcsField.VM_FUNCTION_CONTROLS) >>> leaf & 1) != 0;
        if (!enabled || !v.ept.switchPointer(c.gpr[1] & 0xFFFF_FFFFL)) {
            throw v.nonRoot.instructionExit(o, ExitReason.VMFUNC, 0);
        }
    }

    // ---- invalidation ----

    static void invept(Cpu c, Op o) {
        if (!c.has(Feature.VMX_EPT)) {
            throw c.ud();
        }
        Vmx v = inRoot(c, o, ExitReason.INVEPT, true);
        long la = Memory.readAddress(c, o, 16);
        long pointer = Memory.load64(c, la, o.segment);
        Memory.load64(c, la + 8 & c.linearWrap, o.segment);
        VmxOperations.of(v).invept(register(c, o.reg), pointer);
    }

    static void invvpid(Cpu c, Op o) {
        if (!c.has(Feature.VMX_VPID)) {
            throw c.ud();
        }
        Vmx v = inRoot(c, o, ExitReason.INVVPID, true);
        long la = Memory.readAddress(c, o, 16);
        long vpid = Memory.load64(c, la, o.segment);
        long linear = Memory.load64(c, la + 8 & c.linearWrap, o.segment);
        VmxOperations.of(v).invvpid(register(c, o.reg), vpid, linear);
    }
}

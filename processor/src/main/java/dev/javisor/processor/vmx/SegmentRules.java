package dev.javisor.processor.vmx;

import dev.javisor.isa.VmcsField;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.vmx.EntryRule.Section;
import java.util.Locale;

/** "Checks on Guest Segment Registers". */
final class SegmentRules {
    private static final long TI = 4;
    private static final long V86_ACCESS = 0xF3, V86_LIMIT = 0xFFFF;
    /** Reserved bits of access rights. */
    private static final long RESERVED = 0xFFFE_0F00L;

    private static final int[] DATA_SEGMENTS = {Cpu.DS, Cpu.ES, Cpu.FS, Cpu.GS};

    private static final int TYPE_LDT = 2, TYPE_TSS16_BUSY = 3, TYPE_TSS_BUSY = 11;
    private static final int WRITABLE_UP = 3, WRITABLE_DOWN = 7, LAST_NON_CONFORMING = 11;

    private SegmentRules() {}

    static void addTo(Section s) {
        selectors(s);
        for (int r = Cpu.ES; r <= Cpu.GS; r++) {
            virtual8086Base(s, r);
        }
        bases(s);
        for (int r = Cpu.ES; r <= Cpu.GS; r++) {
            virtual8086Limit(s, r);
        }
        for (int r = Cpu.ES; r <= Cpu.GS; r++) {
            virtual8086Access(s, r);
        }
        types(s);
        for (int r = Cpu.ES; r <= Cpu.GS; r++) {
            descriptorType(s, r, false);
        }
        privilege(s);
        for (int r = Cpu.ES; r <= Cpu.GS; r++) {
            common(s, r);
        }
        taskRegister(s);
        localDescriptorTable(s);
    }

    private static String name(int segment) {
        return SegmentFields.NAMES[segment];
    }

    private static String id(int segment, String rest) {
        return "guest-" + name(segment).toLowerCase(Locale.ROOT) + "-" + rest;
    }

    private static void selectors(Section s) {
        s.rule("guest-tr-selector", "TI of the guest TR selector is 0", x -> (x.get(VmcsField.GUEST_TR_SELECTOR) & TI) == 0,
                VmcsField.GUEST_TR_SELECTOR);
        s.rule(
                "guest-ldtr-selector",
                "TI of a usable guest LDTR selector is 0",
                x -> !x.usable(Cpu.LDTR) || (x.get(VmcsField.GUEST_LDTR_SELECTOR) & TI) == 0,
                VmcsField.GUEST_LDTR_SELECTOR,
                VmcsField.GUEST_LDTR_ACCESS_RIGHTS);
        s.rule(
                "guest-ss-rpl",
                "RPL of guest SS is that of CS",
                x -> x.v86() || x.unrestricted() || x.rpl(Cpu.SS) == x.rpl(Cpu.CS),
                VmcsField.GUEST_SS_SELECTOR,
                VmcsField.GUEST_CS_SELECTOR);
    }

    private static void bases(Section s) {
        for (int r : new int[] {Cpu.TR, Cpu.FS, Cpu.GS}) {
            s.canonical(id(r, "base"), x -> true, SegmentFields.base(r));
        }
        s.canonical("guest-ldtr-base", x -> x.usable(Cpu.LDTR), VmcsField.GUEST_LDTR_BASE, VmcsField.GUEST_LDTR_ACCESS_RIGHTS);
        for (int r : new int[] {Cpu.CS, Cpu.SS, Cpu.DS, Cpu.ES}) {
            VmcsField base = SegmentFields.base(r);
            s.zeroes(
                    id(r, "base"),
                    "bits 63:32 of the " + base.text + " are 0",
                    x -> r == Cpu.CS || x.usable(r),
                    base,
                    0xFFFF_FFFFL,
                    SegmentFields.access(r));
        }
    }

    private static void virtual8086Base(Section s, int r) {
        s.rule(
                id(r, "v86-base"),
                "in virtual-8086 mode the base of " + name(r) + " is 16 times its selector",
                x -> !x.v86() || x.get(SegmentFields.base(r)) == x.get(SegmentFields.selector(r)) << 4,
                SegmentFields.base(r),
                SegmentFields.selector(r),
                VmcsField.GUEST_RFLAGS);
    }

    private static void virtual8086Limit(Section s, int r) {
        s.rule(
                id(r, "v86-limit"),
                "in virtual-8086 mode the limit of " + name(r) + " is FFFFH",
                x -> !x.v86() || x.get(SegmentFields.limit(r)) == V86_LIMIT,
                SegmentFields.limit(r),
                VmcsField.GUEST_RFLAGS);
    }

    private static void virtual8086Access(Section s, int r) {
        s.rule(
                id(r, "v86-access"),
                "in virtual-8086 mode the access rights of " + name(r) + " are F3H",
                x -> !x.v86() || x.access(r) == V86_ACCESS,
                SegmentFields.access(r),
                VmcsField.GUEST_RFLAGS);
    }

    /** When the access rights of a segment are looked at. TR must be usable; whether CS is makes no difference. */
    private static boolean isChecked(EntryContext x, int r) {
        return switch (r) {
            case Cpu.TR -> true;
            case Cpu.LDTR -> x.usable(r);
            case Cpu.CS -> !x.v86();
            default -> !x.v86() && x.usable(r);
        };
    }

    private static void descriptorType(Section s, int r, boolean system) {
        s.rule(
                id(r, "s"),
                "S, bit 4, of " + name(r) + " is " + (system ? 0 : 1),
                x -> !isChecked(x, r) || (x.access(r) & Cpu.S) != 0 != system,
                SegmentFields.access(r));
    }

    /** Presence, reserved bits and granularity, which are alike for all segments. */
    private static void common(Section s, int r) {
        VmcsField access = SegmentFields.access(r);
        s.rule(
                id(r, "present"),
                name(r) + " is present (P, bit 7)",
                x -> !isChecked(x, r) || (x.access(r) & Cpu.PRESENT) != 0,
                access);
        s.zeroes(id(r, "reserved"), "reserved bits of the access rights of " + name(r) + " are 0", x -> isChecked(x, r), access, ~RESERVED);
        if (r == Cpu.CS) {
            codeSize(s);
        }
        s.rule(
                id(r, "granularity"),
                "G, bit 15, of " + name(r) + " is 0 if bits 11:0 of the limit are not all 1, and 1 if bits 31:20 are not all 0",
                x -> !isChecked(x, r) || fits(x.get(SegmentFields.limit(r)), (x.access(r) & Cpu.G) != 0),
                access,
                SegmentFields.limit(r));
    }

    private static boolean fits(long limit, boolean granular) {
        return granular ? (limit & 0xFFF) == 0xFFF : limit >>> 20 == 0;
    }

    private static void types(Section s) {
        s.rule(
                "guest-cs-type",
                "CS is accessed code (type 9, 11, 13, 15), or read/write accessed data (3) in an unrestricted guest",
                x -> x.v86() || (x.type(Cpu.CS) & 9) == 9 || x.unrestricted() && x.type(Cpu.CS) == WRITABLE_UP,
                VmcsField.GUEST_CS_ACCESS_RIGHTS);
        s.rule(
                "guest-ss-type",
                "a usable SS is read/write accessed data (type 3 or 7)",
                x -> !isChecked(x, Cpu.SS) || x.type(Cpu.SS) == WRITABLE_UP || x.type(Cpu.SS) == WRITABLE_DOWN,
                VmcsField.GUEST_SS_ACCESS_RIGHTS);
        for (int r : DATA_SEGMENTS) {
            VmcsField access = SegmentFields.access(r);
            s.rule(
                    id(r, "accessed"),
                    "a usable " + name(r) + " is accessed (bit 0 of the type)",
                    x -> !isChecked(x, r) || (x.type(r) & 1) != 0,
                    access);
            s.rule(
                    id(r, "readable"),
                    "a usable " + name(r) + " that is code (bit 3 of the type) is readable (bit 1)",
                    x -> !isChecked(x, r) || (x.type(r) & 10) != 8,
                    access);
        }
    }

    private static void privilege(Section s) {
        VmcsField code = VmcsField.GUEST_CS_ACCESS_RIGHTS;
        VmcsField stack = VmcsField.GUEST_SS_ACCESS_RIGHTS;
        s.rule(
                "guest-cs-dpl",
                "DPL of CS is 0 for type 3, that of SS for types 9 and 11, and not above that of SS for types 13 and 15",
                x -> x.v86() || isCodeDpl(x),
                code,
                stack);
        s.rule(
                "guest-ss-dpl-rpl",
                "DPL of SS is its RPL, but in an unrestricted guest",
                x -> x.v86() || x.unrestricted() || x.dpl(Cpu.SS) == x.rpl(Cpu.SS),
                stack,
                VmcsField.GUEST_SS_SELECTOR);
        s.rule(
                "guest-ss-dpl",
                "DPL of SS is 0 if CS has type 3 or CR0.PE is 0",
                x -> x.v86() || x.type(Cpu.CS) != WRITABLE_UP && x.guestCr0(Cr.PE) || x.dpl(Cpu.SS) == 0,
                stack,
                code,
                VmcsField.GUEST_CR0);
        for (int r : DATA_SEGMENTS) {
            s.rule(
                    id(r, "dpl"),
                    "DPL of a usable " + name(r) + " that is not conforming code is not below its RPL, but in an unrestricted guest",
                    x -> !isChecked(x, r) || x.unrestricted() || x.type(r) > LAST_NON_CONFORMING || x.dpl(r) >= x.rpl(r),
                    SegmentFields.access(r),
                    SegmentFields.selector(r));
        }
    }

    private static void codeSize(Section s) {
        s.rule(
                "guest-cs-l-d",
                "L and D/B, bits 13 and 14, of CS are not both 1 in IA-32e mode",
                x -> !x.ia32e() || (x.access(Cpu.CS) & (Cpu.L | Cpu.DB)) != (Cpu.L | Cpu.DB),
                VmcsField.GUEST_CS_ACCESS_RIGHTS,
                VmcsField.ENTRY_CONTROLS);
    }

    private static boolean isCodeDpl(EntryContext x) {
        return switch (x.type(Cpu.CS)) {
            case WRITABLE_UP -> x.dpl(Cpu.CS) == 0;
            case 9, 11 -> x.dpl(Cpu.CS) == x.dpl(Cpu.SS);
            case 13, 15 -> x.dpl(Cpu.CS) <= x.dpl(Cpu.SS);
            default -> true;
        };
    }

    private static void taskRegister(Section s) {
        s.rule(
                "guest-tr-type",
                "TR is a busy 32-bit or 64-bit TSS (type 11), or a busy 16-bit TSS (3) outside IA-32e mode",
                x -> x.type(Cpu.TR) == TYPE_TSS_BUSY || x.type(Cpu.TR) == TYPE_TSS16_BUSY && !x.ia32e(),
                VmcsField.GUEST_TR_ACCESS_RIGHTS,
                VmcsField.ENTRY_CONTROLS);
        descriptorType(s, Cpu.TR, true);
        common(s, Cpu.TR);
        s.rule("guest-tr-usable", "TR is usable (bit 16 is 0)", x -> x.usable(Cpu.TR), VmcsField.GUEST_TR_ACCESS_RIGHTS);
    }

    private static void localDescriptorTable(Section s) {
        s.rule(
                "guest-ldtr-type",
                "a usable LDTR is an LDT (type 2)",
                x -> !x.usable(Cpu.LDTR) || x.type(Cpu.LDTR) == TYPE_LDT,
                VmcsField.GUEST_LDTR_ACCESS_RIGHTS);
        descriptorType(s, Cpu.LDTR, true);
        common(s, Cpu.LDTR);
    }
}

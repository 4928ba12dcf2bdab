package dev.javisor.hypervisor.vmx;

import dev.javisor.hypervisor.host.RootProcessor;
import dev.javisor.hypervisor.abi.GuestDebug;
import dev.javisor.hypervisor.vcpu.GuestState;
import dev.javisor.hypervisor.vcpu.VcpuCore;
import dev.javisor.isa.Msr;
import dev.javisor.isa.MsrIndex;
import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmxControl;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.X87State;
import dev.javisor.processor.system.ControlRegisters;
import dev.javisor.processor.system.Msrs;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Moves a guest's state between {@link GuestState} and the hardware: the VMCS, and the registers that VMX does not switch. */
final class VmcsTransfer {
    /** Bits of CR0 and CR4 that VMX operation fixes to one, or that neither entry nor exit changes: the guest sees a shadow of them. */
    static final long CR0_MASK = Cr.NE | Cr.CD | Cr.NW, CR4_MASK = Cr.VMXE;

    /** Model-specific registers that the guest accesses without exit and that stay in the processor. */
    private static final List<Msr> PASSED =
            List.of(Msr.STAR, Msr.LSTAR, Msr.CSTAR, Msr.FMASK, Msr.KERNEL_GS_BASE, Msr.TSC_AUX, Msr.SPEC_CTRL, Msr.UMWAIT_CONTROL);
    /** As {@link #PASSED}; they belong to {@link GuestState#KEYS}. */
    private static final List<Msr> KEYS = List.of(Msr.XSS, Msr.PKRS);
    /** Those that are in the VMCS. */
    private static final List<Msr> SWITCHED = List.of(Msr.EFER, Msr.FS_BASE, Msr.GS_BASE, Msr.SYSENTER_CS, Msr.SYSENTER_ESP,
            Msr.SYSENTER_EIP);

    private static final int RSP = 4, REGISTERS = 16;
    private static final long ACCESS_RIGHTS = 0x1_F0FF;

    // Interruptibility state
    private static final long BLOCKING_BY_STI = 1, BLOCKING_BY_MOV_SS = 2, BLOCKING_BY_NMI = 8;

    // Pending debug exceptions
    private static final long ENABLED_BREAKPOINT = 1 << 12, BREAKPOINTS = 0xF, BS = 1 << 14;
    private static final long BTF = 2;

    private static final VmcsField[] SELECTOR = row(VmcsField.GUEST_ES_SELECTOR);
    private static final VmcsField[] BASE = row(VmcsField.GUEST_ES_BASE);
    private static final VmcsField[] LIMIT = row(VmcsField.GUEST_ES_LIMIT);
    private static final VmcsField[] ACCESS = row(VmcsField.GUEST_ES_ACCESS_RIGHTS);
    private static final VmcsField[] PDPTE = {VmcsField.GUEST_PDPTE0, VmcsField.GUEST_PDPTE1, VmcsField.GUEST_PDPTE2,
            VmcsField.GUEST_PDPTE3};

    private final VcpuCore core;
    private final RootProcessor root;
    private final Cpu cpu;
    /** RFLAGS.TF in the VMCS is that of whoever debugs the guest; the guest's own is kept here. */
    private boolean steppedFromOutside;

    private long guestTrap;
    /** IA32_VMX_CR4_FIXED1 among the capability registers. */
    private static final int CR4_FIXED1 = 9;

    private List<Msr> passed;
    private long cr4Mask = CR4_MASK;

    VmcsTransfer(VcpuCore core, RootProcessor root) {
        this.core = core;
        this.root = root;
        this.cpu = core.cpu();
        modelChanged();
    }

    /** Bits of CR4 that the processor has and the guest's model has not are the hypervisor's. */
    void modelChanged() {
        cr4Mask = CR4_MASK | root.capability(CR4_FIXED1) & ~ControlRegisters.cr4Bits(cpu);
        passed = PASSED.stream().filter(m -> MsrIndex.find(cpu.model, m.index) == m).toList();
    }

    long cr4Mask() {
        return cr4Mask;
    }

    /** The registers that need no exits. */
    List<Msr> withoutExit() {
        List<Msr> all = new ArrayList<>(passed);
        Stream.concat(KEYS.stream(), SWITCHED.stream()).filter(m -> MsrIndex.find(cpu.model, m.index) == m).forEach(all::add);
        return all;
    }

    /** The fields of ES, CS, SS, DS, FS, GS, LDTR, TR follow one another. */
    private static VmcsField[] row(VmcsField first) {
        VmcsField[] row = new VmcsField[8];
        for (int s = 0; s < row.length; s++) {
            row[s] = VmcsField.of(first.encoding + 2 * s);
        }
        return row;
    }

    private long get(VmcsField f) {
        return root.vmread(f);
    }

    private void set(VmcsField f, long value) {
        root.vmwrite(f, value);
    }

    private static long masked(long mask, long shadow, long value) {
        return shadow & mask | value & ~mask;
    }

    // ---- from the hardware ----

    void fetch(int parts) {
        if ((parts & GuestState.REGISTERS) != 0) {
            fetchRegisters();
        }
        if ((parts & GuestState.EVENTS) != 0) {
            fetchEvents();
        }
        if ((parts & GuestState.FPU) != 0) {
            copyX87(root.x87(), cpu.x87);
            System.arraycopy(root.vectors(), 0, cpu.vector, 0, Cpu.VECTOR_OPERAND);
            cpu.mxcsr = root.mxcsr();
        }
        if ((parts & GuestState.KEYS) != 0) {
            cpu.setPkru(root.pkru());
            cpu.setPkrs(root.pkrs());
            cpu.xss = root.xss();
        }
        if ((parts & GuestState.MSRS) != 0) {
            for (Msr m : passed) {
                Msrs.write(cpu, m.index, root.rdmsr(m.index));
            }
        }
        if ((parts & GuestState.SYSTEM) != 0) {
            fetchSystem();
        }
    }

    private void fetchRegisters() {
        System.arraycopy(root.gprs(), 0, cpu.gpr, 0, REGISTERS);
        cpu.gpr[RSP] = get(VmcsField.GUEST_RSP);
        cpu.rip = get(VmcsField.GUEST_RIP);
        long flags = get(VmcsField.GUEST_RFLAGS);
        Flags.setRflags(cpu, steppedFromOutside ? flags & ~Flags.TF | guestTrap : flags);
        cpu.cr2 = root.cr2();
    }

    private void fetchEvents() {
        long state = get(VmcsField.GUEST_INTERRUPTIBILITY);
        cpu.blockingBySti = (state & BLOCKING_BY_STI) != 0;
        cpu.blockingByMovSs = (state & BLOCKING_BY_MOV_SS) != 0;
        cpu.nmiBlocked = (state & BLOCKING_BY_NMI) != 0;
        cpu.pendingDebug = get(VmcsField.GUEST_PENDING_DEBUG) & (BREAKPOINTS | BS);
    }

    private void fetchSystem() {
        Cpu c = cpu;
        c.cr0 = masked(CR0_MASK, get(VmcsField.CR0_READ_SHADOW), get(VmcsField.GUEST_CR0));
        c.cr3 = get(VmcsField.GUEST_CR3);
        c.cr4 = masked(cr4Mask, get(VmcsField.CR4_READ_SHADOW), get(VmcsField.GUEST_CR4));
        c.efer = get(VmcsField.GUEST_EFER);
        if (!core.debugger().uses(GuestDebug.USE_HW_BP)) {
            c.dr7 = get(VmcsField.GUEST_DR7);
            c.updateBreakpoints();
        }
        c.debugctl = get(VmcsField.GUEST_DEBUGCTL);
        c.sysenterCs = get(VmcsField.GUEST_SYSENTER_CS);
        c.sysenterEsp = get(VmcsField.GUEST_SYSENTER_ESP);
        c.sysenterEip = get(VmcsField.GUEST_SYSENTER_EIP);
        for (int s = Cpu.ES; s <= Cpu.TR; s++) {
            c.selector[s] = (int) get(SELECTOR[s]);
            c.segBase[s] = get(BASE[s]);
            c.segLimit[s] = get(LIMIT[s]);
            c.segAccess[s] = (int) get(ACCESS[s]);
        }
        if ((c.cr0 & Cr.PE) == 0) {
            c.segAccess[Cpu.CS] |= Cpu.REAL_MODE;
        }
        c.gdtBase = get(VmcsField.GUEST_GDTR_BASE);
        c.gdtLimit = (int) get(VmcsField.GUEST_GDTR_LIMIT);
        c.idtBase = get(VmcsField.GUEST_IDTR_BASE);
        c.idtLimit = (int) get(VmcsField.GUEST_IDTR_LIMIT);
        for (int i = 0; i < PDPTE.length; i++) {
            c.pdpte[i] = get(PDPTE[i]);
        }
        boolean v86 = (get(VmcsField.GUEST_RFLAGS) & Flags.VM) != 0;
        c.cpl = v86 ? 3 : c.segAccess[Cpu.SS] >>> 5 & 3;
        c.updateMode();
    }

    // ---- to the hardware ----

    void store(int parts) {
        if ((parts & GuestState.REGISTERS) != 0) {
            System.arraycopy(cpu.gpr, 0, root.gprs(), 0, REGISTERS);
            set(VmcsField.GUEST_RSP, cpu.gpr[RSP]);
            set(VmcsField.GUEST_RIP, cpu.rip);
            long flags = Flags.rflags(cpu);
            steppedFromOutside = core.debugger().uses(GuestDebug.SINGLESTEP);
            guestTrap = flags & Flags.TF;
            set(VmcsField.GUEST_RFLAGS, steppedFromOutside ? flags | Flags.TF : flags);
            root.setCr2(cpu.cr2);
        }
        if ((parts & GuestState.EVENTS) != 0) {
            storeEvents();
        }
        if ((parts & GuestState.FPU) != 0) {
            copyX87(cpu.x87, root.x87());
            System.arraycopy(cpu.vector, 0, root.vectors(), 0, Cpu.VECTOR_OPERAND);
            root.setMxcsr(cpu.mxcsr);
        }
        if ((parts & GuestState.KEYS) != 0) {
            root.setPkru(cpu.pkru);
            root.setPkrs(cpu.pkrs);
            root.setXss(cpu.xss);
        }
        if ((parts & GuestState.MSRS) != 0) {
            for (Msr m : passed) {
                root.wrmsr(m.index, Msrs.read(cpu, m.index));
            }
        }
        if ((parts & GuestState.SYSTEM) != 0) {
            storeSystem();
        }
    }

    private void storeEvents() {
        Cpu c = cpu;
        set(
                VmcsField.GUEST_INTERRUPTIBILITY,
                (c.blockingBySti ? BLOCKING_BY_STI : 0)
                        | (c.blockingByMovSs ? BLOCKING_BY_MOV_SS : 0)
                        | (c.nmiBlocked ? BLOCKING_BY_NMI : 0));
        long pending = c.pendingDebug & (BREAKPOINTS | BS);
        boolean shadow = c.blockingBySti || c.blockingByMovSs;
        long flags = get(VmcsField.GUEST_RFLAGS);
        if (shadow) {
            // The entry's checks want BS exactly as TF makes it.
            boolean steps = (flags & Flags.TF) != 0 && (get(VmcsField.GUEST_DEBUGCTL) & BTF) == 0;
            pending = steps ? pending | BS : pending & ~BS;
        }
        set(VmcsField.GUEST_PENDING_DEBUG, pending | ((pending & BREAKPOINTS) != 0 ? ENABLED_BREAKPOINT : 0));
    }

    private void storeSystem() {
        Cpu c = cpu;
        set(VmcsField.GUEST_CR0, c.cr0 & ~(Cr.CD | Cr.NW) | Cr.NE);
        set(VmcsField.CR0_READ_SHADOW, c.cr0);
        set(VmcsField.GUEST_CR3, c.cr3);
        set(VmcsField.GUEST_CR4, c.cr4 | Cr.VMXE);
        set(VmcsField.CR4_READ_SHADOW, c.cr4);
        set(VmcsField.GUEST_EFER, c.efer);
        long entry = get(VmcsField.ENTRY_CONTROLS) & ~VmxControl.IA32E_MODE_GUEST.bit;
        set(VmcsField.ENTRY_CONTROLS, entry | (c.longMode() ? VmxControl.IA32E_MODE_GUEST.bit : 0));
        set(VmcsField.GUEST_PAT, c.msr[Msr.PAT.slot]);
        set(VmcsField.GUEST_DR7, core.debugger().register(7));
        set(VmcsField.GUEST_DEBUGCTL, c.debugctl);
        set(VmcsField.GUEST_SYSENTER_CS, c.sysenterCs);
        set(VmcsField.GUEST_SYSENTER_ESP, c.sysenterEsp);
        set(VmcsField.GUEST_SYSENTER_EIP, c.sysenterEip);
        for (int s = Cpu.ES; s <= Cpu.TR; s++) {
            set(SELECTOR[s], c.selector[s]);
            set(BASE[s], c.segBase[s]);
            set(LIMIT[s], c.segLimit[s]);
            set(ACCESS[s], c.segAccess[s] & ACCESS_RIGHTS);
        }
        set(VmcsField.GUEST_GDTR_BASE, c.gdtBase);
        set(VmcsField.GUEST_GDTR_LIMIT, c.gdtLimit);
        set(VmcsField.GUEST_IDTR_BASE, c.idtBase);
        set(VmcsField.GUEST_IDTR_LIMIT, c.idtLimit);
        for (int i = 0; i < PDPTE.length; i++) {
            set(PDPTE[i], c.pdpte[i]);
        }
        root.setXcr0(c.xcr0);
    }

    private static void copyX87(X87State from, X87State to) {
        System.arraycopy(from.significand, 0, to.significand, 0, from.significand.length);
        System.arraycopy(from.signExponent, 0, to.signExponent, 0, from.signExponent.length);
        to.control = from.control;
        to.status = from.status;
        to.valid = from.valid;
        to.lastOpcode = from.lastOpcode;
        to.lastInstruction = from.lastInstruction;
        to.lastInstructionSelector = from.lastInstructionSelector;
        to.lastData = from.lastData;
        to.lastDataSelector = from.lastDataSelector;
    }
}

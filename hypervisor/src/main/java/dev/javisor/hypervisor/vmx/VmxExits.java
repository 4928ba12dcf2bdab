package dev.javisor.hypervisor.vmx;

import dev.javisor.hypervisor.abi.GuestDebug;
import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.hypervisor.memory.MemorySlots;
import dev.javisor.hypervisor.vcpu.GuestState;
import dev.javisor.hypervisor.vcpu.Instructions;
import dev.javisor.hypervisor.vcpu.VcpuCore;
import dev.javisor.isa.ExitReason;
import dev.javisor.isa.VmcsField;
import dev.javisor.processor.core.Event;
import java.util.List;

/** What the hypervisor does about each VM exit. */
final class VmxExits {
    private static final long VALID = 1L << 31;
    // Exit qualification of I/O instructions, and of EPT violations
    private static final long IO_IN = 1 << 3, IO_STRING = 1 << 4;
    private static final long EPT_WRITE = 2, EPT_FETCH = 4;
    /** The linear address is valid, and it is its page that is not mapped, not a paging structure. */
    private static final long EPT_DATA_PAGE = 1 << 7 | 1 << 8;
    /** Of instruction timeouts. */
    private static final long CONTEXT_INVALID = 1;

    private static final int TASK_GATE = 3;
    private static final long DR7_ENABLED = 0xFF;

    private final VcpuCore core;
    private final Instructions instructions;
    private final VmxBackend vmx;
    private final ExtendedPageTables ept;

    VmxExits(VcpuCore core, VmxBackend vmx, ExtendedPageTables ept) {
        this.core = core;
        this.instructions = core.instructions();
        this.vmx = vmx;
        this.ept = ept;
    }

    private long qualification() {
        return vmx.vmread(VmcsField.EXIT_QUALIFICATION);
    }

    /** Returns what ends the run, or null. */
    VcpuExit handle(ExitReason reason, long number) {
        if (reason == null) {
            return new VcpuExit.Unknown(number);
        }
        boolean vectoring = (vmx.vmread(VmcsField.IDT_VECTORING_INFO) & VALID) != 0;
        if (vectoring && !isTolerated(reason)) {
            return deliveryFailed(number);
        }
        return switch (reason) {
            // Something has happened that the next entry looks at.
            case INIT_SIGNAL, BUS_LOCK -> core.injection().pendingTrap();
            case EXTERNAL_INTERRUPT, INTERRUPT_WINDOW, NMI_WINDOW, PREEMPTION_TIMER_EXPIRED, PAGE_MODIFICATION_LOG_FULL -> null;
            case EXCEPTION_OR_NMI -> exception();
            case TRIPLE_FAULT -> core.shutDown();
            case IO_INSTRUCTION -> io();
            case HLT -> instructions.halt(vmx.instructionLength());
            case RDMSR -> instructions.readMsr(vmx.instructionLength());
            case WRMSR -> instructions.writeMsr(vmx.instructionLength());
            case VMCALL -> core.undefined().vmcall(vmx.instructionLength());
            case EPT_VIOLATION -> violation(vectoring, number);
            case MOV_DR -> {
                if (core.debugger().uses(GuestDebug.USE_HW_BP)) {
                    yield instructions.emulate();
                }
                vmx.giveDebugRegisters();
                yield null;
            }
            case APIC_ACCESS -> vectoring ? deliveryFailed(number) : core.instructions().emulate();
            case APIC_WRITE -> {
                vmx.apic().written((int) qualification() & 0xFFF);
                yield core.injection().pendingTrap();
            }
            case VIRTUALIZED_EOI -> {
                vmx.apic().ended((int) qualification() & 0xFF);
                yield core.injection().pendingTrap();
            }
            case TASK_SWITCH -> taskSwitch(vectoring);
            case INSTRUCTION_TIMEOUT -> timeout();
            case CPUID, INVD, RDPMC, CONTROL_REGISTER_ACCESS, XSETBV, RSM, WBINVD, INVLPG, MONITOR, MWAIT, PAUSE, RDTSC ->
                instructions.emulate();
            case RDTSCP, RDRAND, RDSEED, INVPCID, ACCESS_TO_GDTR_OR_IDTR, ACCESS_TO_LDTR_OR_TR, XSAVES, XRSTORS -> instructions.emulate();
            case UMWAIT, TPAUSE -> instructions.emulate();
            // The guest has no VMX.
            case VMCLEAR, VMLAUNCH, VMPTRLD, VMPTRST, VMREAD, VMRESUME, VMWRITE, VMXOFF, VMXON, INVEPT, INVVPID, VMFUNC ->
                instructions.emulate();
            default -> new VcpuExit.Unknown(number);
        };
    }

    /** Exits during the delivery of an event after which the delivery can be tried again. */
    private static boolean isTolerated(ExitReason reason) {
        return switch (reason) {
            case EXCEPTION_OR_NMI, TASK_SWITCH, APIC_ACCESS, EPT_VIOLATION, EPT_MISCONFIGURATION -> true;
            case PAGE_MODIFICATION_LOG_FULL, INSTRUCTION_TIMEOUT -> true;
            // It ends everything, whatever was on its way.
            case TRIPLE_FAULT -> true;
            default -> false;
        };
    }

    private VcpuExit deliveryFailed(long number) {
        return new VcpuExit.InternalError(
                VcpuExit.InternalError.DELIVERY_EV,
                List.of(
                        vmx.vmread(VmcsField.IDT_VECTORING_INFO),
                        number,
                        qualification(),
                        vmx.vmread(VmcsField.GUEST_PHYSICAL_ADDRESS)));
    }

    /** The hypervisor lets #DB exit; #BP for whoever debugs the guest; #UD where a hypercall may be behind it; #MF of guests without it. */
    private VcpuExit exception() {
        long info = vmx.vmread(VmcsField.EXIT_INTERRUPTION_INFO);
        int type = (int) (info >>> 8) & 7;
        int vector = (int) info & 0xFF;
        if (type == Event.NMI) {
            return null;
        }
        if (vector == Event.UD) {
            return core.undefined().exception();
        }
        if (vector == Event.MF) {
            return instructions.emulate();
        }
        if (vector == Event.BP && type == Event.SOFTWARE_EXCEPTION) {
            return core.debugger().exit(Event.BP, 0);
        }
        if (vector == Event.DB && core.debugger().uses(GuestDebug.SINGLESTEP | GuestDebug.USE_HW_BP)) {
            return core.debugger().exit(Event.DB, qualification());
        }
        if (vector == Event.DB) {
            // With TF and blocking by STI or MOV SS, an entry wants to see the single-step trap as pending.
            core.state.change(GuestState.EVENTS);
            boolean int1 = type == Event.PRIVILEGED_SOFTWARE_EXCEPTION;
            core.events.queue(int1 ? Event.int1(vmx.instructionLength(), qualification()) : Event.debug(qualification()));
            return null;
        }
        return new VcpuExit.InternalError(
                VcpuExit.InternalError.SIMUL_EX,
                List.of(vmx.vmread(VmcsField.IDT_VECTORING_INFO), info, vmx.vmread(VmcsField.EXIT_INTERRUPTION_ERROR_CODE)));
    }

    private VcpuExit timeout() {
        boolean invalid = (qualification() & CONTEXT_INVALID) != 0;
        if (invalid || vmx.notifiesUserspace()) {
            return new VcpuExit.Notify(invalid ? VcpuExit.Notify.CONTEXT_INVALID : 0);
        }
        core.waste();
        return null;
    }

    private VcpuExit io() {
        long q = qualification();
        boolean watched = (vmx.vmread(VmcsField.GUEST_DR7) & DR7_ENABLED) != 0;
        if ((q & IO_STRING) != 0 || watched) {
            return instructions.emulate();
        }
        return instructions.portIo((int) (q >>> 16) & 0xFFFF, (int) (q & 7) + 1, (q & IO_IN) != 0, vmx.instructionLength());
    }

    private VcpuExit violation(boolean vectoring, long number) {
        long gpa = vmx.vmread(VmcsField.GUEST_PHYSICAL_ADDRESS);
        if (ept.awaits(gpa)) {
            core.waiting().pageMissing(gpa & -MemorySlots.PAGE, vectoring);
            return null;
        }
        long q = qualification();
        if (ept.map(gpa, (q & EPT_WRITE) != 0, (q & EPT_FETCH) != 0)) {
            return null;
        }
        if (vectoring) {
            return deliveryFailed(number);
        }
        if ((q & EPT_DATA_PAGE) == EPT_DATA_PAGE && (q & EPT_FETCH) == 0) {
            instructions.translated(vmx.vmread(VmcsField.GUEST_LINEAR_ADDRESS), gpa, (q & EPT_WRITE) != 0);
        }
        return instructions.emulate();
    }

    /** A task gate delivers an event, which the hardware then has not delivered; any other task switch is an instruction. */
    private VcpuExit taskSwitch(boolean vectoring) {
        int source = (int) (qualification() >>> 30) & 3;
        if (source != TASK_GATE || !vectoring) {
            return instructions.emulate();
        }
        return instructions.deliverInSoftware();
    }
}

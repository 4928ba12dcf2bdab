package dev.javisor.processor.vmx;

import dev.javisor.isa.ExitReason;
import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmxControl;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.event.Boundary;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import dev.javisor.processor.state.Stateful;

/** Events in VMX non-root operation: which exit, in which order they are looked at, and what wakes the guest. */
final class GuestEvents implements Stateful {
    /** #DB traps without an instruction between them; more than any row of them that ends has. */
    private static final int MOST_DEBUG_TRAPS = 8;

    private final NonRoot guest;
    private final Cpu cpu;
    /** Blocking by NMI as the guest knows it; with "virtual NMIs" only. */
    boolean virtualNmiBlocked;
    /** The running IRET has ended blocking by NMI; matters to what interrupts it. */
    boolean unblockedByIret;
    /** The last instruction has asserted a bus lock. */
    boolean busLock;
    /** #DB traps of which each followed from the delivery of the one before, and time without deliveries at the last one. */
    private long debugTraps, debugTrapTime;

    GuestEvents(NonRoot guest) {
        this.guest = guest;
        this.cpu = guest.vmx.cpu;
    }

    private boolean on(VmxControl control) {
        return guest.on(control);
    }

    private void leave(ExitReason reason, long qualification) {
        guest.vmx.exits.leave(guest.exit.of(reason, qualification));
    }

    // ---- exceptions ----

    /** The exit that an exception causes, or null. */
    VmExit exception(Event e) {
        if (!exits(e)) {
            unblockedByIret = false;
            return null;
        }
        boolean software = e.type() == Event.SOFTWARE_EXCEPTION;
        // a #DB tells what blocking by MOV SS has held off, too
        long heldOff = e.vector() == Event.DB && !software ? cpu.pendingDebug & Boundary.BREAKPOINTS : 0;
        VmExit exit = guest.exit.of(ExitReason.EXCEPTION_OR_NMI, (software ? 0 : e.payload()) | heldOff);
        exit.event = e;
        exit.instructionLength = e.instructionLength();
        exit.faultLike = true;
        return exit;
    }

    boolean exits(Event e) {
        Vmcs vmcs = guest.vmx.current;
        boolean selected = (vmcs.get(VmcsField.EXCEPTION_BITMAP) >>> e.vector() & 1) != 0;
        if (e.vector() == Event.PF && e.type() == Event.HARDWARE_EXCEPTION) {
            boolean match = (e.errorCode() & vmcs.get(VmcsField.PAGE_FAULT_ERROR_MASK)) == vmcs.get(VmcsField.PAGE_FAULT_ERROR_MATCH);
            return selected == match;
        }
        return selected;
    }

    // ---- blocking by NMI ----

    boolean unblocksNmi() {
        if (!on(VmxControl.NMI_EXITING)) {
            unblockedByIret = cpu.nmiBlocked;
            return true;
        }
        if (on(VmxControl.VIRTUAL_NMIS)) {
            unblockedByIret = virtualNmiBlocked;
            virtualNmiBlocked = false;
        }
        return false;
    }

    // ---- "Priority Among Concurrent Events" ----

    /** @return true when something was delivered or changed, or an exit has happened. */
    boolean boundary() {
        Cpu c = cpu;
        unblockedByIret = false;
        int requests = c.requests;
        if ((requests & Cpu.MACHINE_CHECK_REQUEST) != 0) {
            return Boundary.machineCheck(c);
        }
        if (guest.apic.hasTrap()) {
            guest.vmx.exits.leave(guest.apic.trap());
            return true;
        }
        if (c.activity == Cpu.WAIT_FOR_SIPI) {
            return startUp();
        }
        if ((requests & Cpu.INIT_REQUEST) != 0) {
            c.withdraw(Cpu.INIT_REQUEST);
            leave(ExitReason.INIT_SIGNAL, 0);
            return true;
        }
        c.withdraw(Cpu.SIPI_REQUEST);
        if (c.monitorTrapPending) {
            leave(ExitReason.MONITOR_TRAP_FLAG, 0);
            return true;
        }
        if (busLock) {
            leave(ExitReason.BUS_LOCK, 0);
            return true;
        }
        if (c.pendingDebug != 0 && !c.blockingByMovSs && c.activity != Cpu.SHUTDOWN) {
            if (on(VmxControl.INSTRUCTION_TIMEOUT) && isEndless()) {
                leave(ExitReason.INSTRUCTION_TIMEOUT, 0);
            } else {
                Boundary.deliverDebugTrap(c);
            }
            return true;
        }
        c.withdraw(Cpu.BOUNDARY_REQUEST);
        if (guest.timerExpired) {
            leave(ExitReason.PREEMPTION_TIMER_EXPIRED, 0);
            return true;
        }
        return nonMaskable() || maskable();
    }

    /** A #DB whose frame hits a data breakpoint is followed by the next. */
    private boolean isEndless() {
        long time = cpu.now() - cpu.deliveries;
        debugTraps = time == debugTrapTime ? debugTraps + 1 : 1;
        debugTrapTime = time;
        return debugTraps > MOST_DEBUG_TRAPS;
    }

    private boolean startUp() {
        cpu.withdraw(Cpu.INIT_REQUEST);
        if ((cpu.requests & Cpu.SIPI_REQUEST) == 0) {
            return false;
        }
        cpu.withdraw(Cpu.SIPI_REQUEST);
        leave(ExitReason.STARTUP_IPI, cpu.sipiVector);
        return true;
    }

    private boolean nonMaskable() {
        Cpu c = cpu;
        if (c.blockingByMovSs) {
            return false;
        }
        if (on(VmxControl.NMI_WINDOW_EXITING) && !virtualNmiBlocked) {
            leave(ExitReason.NMI_WINDOW, 0);
            return true;
        }
        if ((c.requests & Cpu.NMI_REQUEST) == 0 || c.nmiBlocked) {
            return false;
        }
        c.withdraw(Cpu.NMI_REQUEST);
        if (on(VmxControl.NMI_EXITING)) {
            VmExit exit = guest.exit.of(ExitReason.EXCEPTION_OR_NMI, 0);
            exit.event = Event.nmi();
            guest.vmx.exits.leave(exit);
        } else {
            Boundary.deliverNmi(c);
        }
        return true;
    }

    private boolean maskable() {
        Cpu c = cpu;
        if (c.blockingBySti || c.blockingByMovSs || c.activity == Cpu.SHUTDOWN) {
            return false;
        }
        if (on(VmxControl.INTERRUPT_WINDOW_EXITING) && (c.rflags & Flags.IF) != 0) {
            leave(ExitReason.INTERRUPT_WINDOW, 0);
            return true;
        }
        if (guest.apic.isPending()) {
            if ((c.rflags & Flags.IF) != 0) {
                guest.apic.deliver();
                return true;
            }
            if (breaksWait()) {
                Boundary.wake(c);
            }
        }
        if ((c.requests & (Cpu.EXTERNAL_REQUEST | Cpu.APIC_REQUEST)) == 0) {
            return false;
        }
        if (!on(VmxControl.EXTERNAL_INTERRUPT_EXITING)) {
            return Boundary.deliverInterrupt(c);
        }
        if (!Boundary.hasInterrupt(c)) {
            return false;
        }
        int vector = on(VmxControl.ACKNOWLEDGE_INTERRUPT_ON_EXIT) ? Boundary.acknowledge(c) : -1;
        if (guest.apic.isNotification(vector)) {
            return true;
        }
        VmExit exit = guest.exit.of(ExitReason.EXTERNAL_INTERRUPT, 0);
        if (vector >= 0) {
            exit.event = Event.interrupt(vector);
        }
        guest.vmx.exits.leave(exit);
        return true;
    }

    /** The guest waits, and a pending interrupt ends that although it is masked. */
    private boolean breaksWait() {
        return cpu.activity == Cpu.MWAIT && cpu.waitBreaksOnInterrupt;
    }

    /** Something that is pending would end HLT, shutdown or wait-for-SIPI. */
    boolean wakes() {
        Cpu c = cpu;
        int r = c.requests;
        if (c.activity == Cpu.WAIT_FOR_SIPI) {
            return (r & Cpu.SIPI_REQUEST) != 0;
        }
        if ((r & (Cpu.INIT_REQUEST | Cpu.MACHINE_CHECK_REQUEST)) != 0
                || c.monitorTrapPending
                || guest.timerExpired
                || guest.apic.hasTrap()
                || on(VmxControl.NMI_WINDOW_EXITING) && !virtualNmiBlocked
                || (r & Cpu.NMI_REQUEST) != 0 && !c.nmiBlocked) {
            return true;
        }
        if (c.activity == Cpu.SHUTDOWN) {
            return false;
        }
        boolean enabled = (c.rflags & Flags.IF) != 0;
        boolean open = enabled || on(VmxControl.EXTERNAL_INTERRUPT_EXITING) || breaksWait();
        return c.pendingDebug != 0
                || enabled && on(VmxControl.INTERRUPT_WINDOW_EXITING)
                || (enabled || breaksWait()) && guest.apic.isPending()
                || open && (r & (Cpu.EXTERNAL_REQUEST | Cpu.APIC_REQUEST)) != 0 && Boundary.hasInterrupt(c);
    }

    /** The guest is about to run: must boundaries be looked at although no event has come from outside? */
    void request() {
        boolean looks = on(VmxControl.INTERRUPT_WINDOW_EXITING)
                || on(VmxControl.NMI_WINDOW_EXITING)
                || cpu.monitorTrapPending
                || guest.timerExpired
                || guest.apic.isPending()
                || guest.apic.hasTrap()
                || busLock
                || cpu.pendingDebug != 0;
        if (looks) {
            cpu.request(Cpu.GUEST_REQUEST);
        }
        cpu.endSlice();
    }

    // ---- state ----

    void reset() {
        virtualNmiBlocked = false;
        unblockedByIret = false;
        busLock = false;
    }

    @Override
    public void save(StateOutput out) {
        out.putBoolean("virtual NMI blocked", virtualNmiBlocked);
        out.putBoolean("bus lock", busLock);
        out.putLongs("debug traps", new long[] {debugTraps, debugTrapTime});
    }

    @Override
    public void load(StateInput in) {
        virtualNmiBlocked = in.getBoolean("virtual NMI blocked");
        busLock = in.getBoolean("bus lock");
        long[] traps = new long[2];
        in.getLongs("debug traps", traps);
        debugTraps = traps[0];
        debugTrapTime = traps[1];
        unblockedByIret = false;
    }
}

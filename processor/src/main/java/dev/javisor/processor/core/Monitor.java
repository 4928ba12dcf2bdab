package dev.javisor.processor.core;

import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import dev.javisor.processor.state.Stateful;

/**
 * The address monitor of a processor and the wait that it may end ("MONITOR and MWAIT"). A store is noticed by what it changes: the wait
 * ends when the line no longer holds what it held when the monitor was armed.
 */
public final class Monitor implements Stateful {
    /** Bytes in a monitored line; CPUID leaf 5 says the same. */
    public static final int LINE = 64;

    private final Cpu cpu;
    private final long[] armed = new long[LINE / 8];
    private final Timeline.Deadline timer = new Timeline.Deadline(this::expire);
    /** The timer ends the wait earlier than the instruction asked: reported in CF. */
    private boolean limited;

    Monitor(Cpu cpu) {
        this.cpu = cpu;
    }

    /** Arms the monitor for the line around a guest-physical address. Only memory can be monitored. */
    public void arm(long physical) {
        long line = physical & -LINE;
        cpu.monitorAddress = cpu.memory.hostAddress(line) == 0 ? -1 : line;
        for (int i = 0; i < armed.length && cpu.monitorAddress != -1; i++) {
            armed[i] = cpu.memory.read(line + 8 * i, 8);
        }
    }

    /** Armed, and nothing was stored yet. */
    public boolean isArmed() {
        return cpu.monitorAddress != -1 && !triggered();
    }

    /** A store has changed the monitored line. */
    public boolean triggered() {
        for (int i = 0; i < armed.length && cpu.monitorAddress != -1; i++) {
            if (cpu.memory.read(cpu.monitorAddress + 8 * i, 8) != armed[i]) {
                return true;
            }
        }
        return false;
    }

    /**
     * The processor waits from the end of the running instruction.
     *
     * @param breaksOnInterrupt an interrupt ends the wait also while RFLAGS.IF is clear
     * @param ticks time until the wait ends by itself, or {@link Long#MAX_VALUE}
     * @param limited that end sets RFLAGS.CF
     */
    public void waitForEvent(boolean breaksOnInterrupt, long ticks, boolean limited) {
        if (breaksOnInterrupt && cpu.guest != null && cpu.guest.holdsInterrupt(cpu)) {
            return;
        }
        cpu.timeline.cancel(timer);
        cpu.activity = Cpu.MWAIT;
        cpu.waitBreaksOnInterrupt = breaksOnInterrupt;
        this.limited = limited;
        long end = cpu.timeline.now() + ticks;
        if (ticks != Long.MAX_VALUE && end > 0) {
            cpu.timeline.schedule(timer, end);
        }
        cpu.endSlice();
    }

    /** Ends the wait if the monitored line was stored to; to be asked before the processor is taken to be idle. */
    public void poll() {
        if (cpu.activity == Cpu.MWAIT && triggered()) {
            cpu.activity = Cpu.ACTIVE;
            cpu.monitorAddress = -1;
        }
    }

    /**
     * Goes on where the monitor of another processor has stopped: that has armed a line, or waits.
     *
     * @param line physical address of the line here, or -1
     * @param waits the other one was waiting
     */
    public void takeOver(Monitor other, long line, boolean waits) {
        cpu.monitorAddress = line;
        System.arraycopy(other.armed, 0, armed, 0, armed.length);
        if (waits) {
            cpu.timeline.cancel(timer);
            cpu.activity = Cpu.MWAIT;
            cpu.waitBreaksOnInterrupt = other.cpu.waitBreaksOnInterrupt;
            limited = other.limited;
            if (other.timer.isScheduled()) {
                cpu.timeline.schedule(timer, other.timer.when());
                cpu.timeline.cancel(other.timer);
            }
        }
    }

    private void expire() {
        if (cpu.activity == Cpu.MWAIT) {
            cpu.activity = Cpu.ACTIVE;
            cpu.monitorAddress = -1;
            if (limited) {
                Flags.setArithmetic(cpu, Flags.CF);
            }
        }
    }

    @Override
    public void save(StateOutput out) {
        out.putLongs("line", armed);
        out.putBoolean("breaks on interrupt", cpu.waitBreaksOnInterrupt);
        out.putBoolean("limited", limited);
        timer.save(out, "end");
    }

    @Override
    public void load(StateInput in) {
        in.getLongs("line", armed);
        cpu.waitBreaksOnInterrupt = in.getBoolean("breaks on interrupt");
        limited = in.getBoolean("limited");
        timer.load(cpu.timeline, in, "end");
    }
}

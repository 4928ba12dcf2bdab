package dev.javisor.machine.device;

import dev.javisor.machine.bus.BoardControl;
import dev.javisor.processor.bus.Device;
import dev.javisor.processor.bus.InterruptLine;
import dev.javisor.processor.bus.IoBus;
import dev.javisor.processor.bus.PortDevice;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;

/** System control port A, 92H: bit 0 resets on its rising edge, bit 1 opens the A20 gate. */
public final class SystemControlPortA implements PortDevice, Device {
    private static final int PORT = 0x92;
    private static final int RESET = 1;
    private static final int A20 = 2;

    private final InterruptLine a20;
    private final BoardControl board;
    private int value;

    public SystemControlPortA(InterruptLine a20, BoardControl board) {
        this.a20 = a20;
        this.board = board;
    }

    public void connect(IoBus bus) {
        bus.register(PORT, 1, this);
    }

    @Override
    public int read(int offset, int size) {
        return value;
    }

    @Override
    public void write(int offset, int size, int written) {
        int rising = written & ~value;
        value = written & (A20 | RESET);
        a20.set((value & A20) != 0);
        if ((rising & RESET) != 0) {
            board.reset();
        }
    }

    @Override
    public void reset() {
        value = 0;
        a20.set(false);
    }

    @Override
    public void save(StateOutput out) {
        out.putInt("value", value);
    }

    @Override
    public void load(StateInput in) {
        value = in.getInt("value");
    }
}

package dev.javisor.machine.device;

import dev.javisor.machine.bus.BoardControl;
import dev.javisor.processor.bus.Device;
import dev.javisor.processor.bus.IoBus;
import dev.javisor.processor.bus.PortDevice;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;

/** The chip set's reset control register, CF9H: a rising RST_CPU resets, in the kind that SYS_RST and FULL_RST have chosen. */
public final class ResetControl implements PortDevice, Device {
    public static final int PORT = 0xCF9;
    /** What to write for a full reset, as ACPI's reset register wants it. */
    public static final int FULL_RESET = 0x0E;

    private static final int RST_CPU = 4;
    private static final int KIND = 0x0A;

    private final BoardControl board;
    private int value;

    public ResetControl(BoardControl board) {
        this.board = board;
    }

    /** To be connected after the PCI configuration ports, which it lies over. */
    public void connect(IoBus bus) {
        bus.register(PORT, 1, this);
    }

    @Override
    public int read(int offset, int size) {
        return value;
    }

    @Override
    public void write(int offset, int size, int written) {
        boolean request = (written & ~value & RST_CPU) != 0;
        value = written & (KIND | RST_CPU);
        if (request) {
            board.reset();
        }
    }

    @Override
    public void reset() {
        value = 0;
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

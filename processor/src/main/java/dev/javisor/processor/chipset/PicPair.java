package dev.javisor.processor.chipset;

import dev.javisor.processor.bus.Device;
import dev.javisor.processor.bus.InterruptLine;
import dev.javisor.processor.bus.IoBus;
import dev.javisor.processor.bus.PortDevice;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;

/** The PC's two cascaded 8259A interrupt controllers, with 15 ISA interrupt requests and the edge/level control registers. */
public final class PicPair implements Device {
    /** Master input that the slave drives. */
    static final int CASCADE = 2;

    private static final int MASTER_PORT = 0x20;
    private static final int SLAVE_PORT = 0xA0;
    private static final int ELCR_PORT = 0x4D0;

    // Interrupts 0, 1, 2, 8 and 13 are always edge-triggered.
    private final Pic8259 master = new Pic8259(true, 0xF8);
    private final Pic8259 slave = new Pic8259(false, 0xDE);

    /** @param intr the processor's INTR pin, or LINT0 of the local APICs */
    public PicPair(InterruptLine intr) {
        master.connect(intr);
        slave.connect(level -> master.setLine(CASCADE, level));
    }

    /** Puts the controllers at their ports and makes them answer acknowledge cycles. */
    public void connect(IoBus bus) {
        bus.register(MASTER_PORT, 2, master);
        bus.register(SLAVE_PORT, 2, slave);
        bus.register(ELCR_PORT, 2, new EdgeLevelControl());
        bus.connectAcknowledge(this::acknowledge);
    }

    /** ISA interrupt request 0 to 15; 2 leads nowhere, as the cascade takes its place. */
    public InterruptLine line(int irq) {
        if (irq < 0 || irq > 15) {
            throw new IllegalArgumentException("no ISA interrupt request " + irq);
        }
        if (irq == CASCADE) {
            return InterruptLine.UNCONNECTED;
        }
        return irq < 8 ? level -> master.setLine(irq, level) : level -> slave.setLine(irq - 8, level);
    }

    /** Interrupt-acknowledge cycle: the vector, that of level 7 when the request has gone. */
    public int acknowledge() {
        boolean real = !master.spurious();
        int level = master.acknowledge();
        if (real && level == CASCADE) {
            return slave.vector(slave.acknowledge());
        }
        return master.vector(level);
    }

    public PicRegisters master() {
        return master.registers();
    }

    public PicRegisters slave() {
        return slave.registers();
    }

    public void setMaster(PicRegisters r) {
        master.setRegisters(r);
    }

    public void setSlave(PicRegisters r) {
        slave.setRegisters(r);
    }

    @Override
    public void reset() {
        slave.reset();
        master.reset();
    }

    @Override
    public void save(StateOutput out) {
        out.put("master", master);
        out.put("slave", slave);
    }

    @Override
    public void load(StateInput in) {
        in.get("master", master);
        in.get("slave", slave);
    }

    private final class EdgeLevelControl implements PortDevice {
        @Override
        public int read(int offset, int size) {
            return (offset == 0 ? master : slave).edgeLevelControl();
        }

        @Override
        public void write(int offset, int size, int value) {
            (offset == 0 ? master : slave).setEdgeLevelControl(value);
        }
    }
}

package dev.javisor.hypervisor.irqchip;

import dev.javisor.hypervisor.abi.IoApicState;
import dev.javisor.hypervisor.abi.IrqChip;
import dev.javisor.hypervisor.abi.IrqRoutingEntry;
import dev.javisor.hypervisor.abi.KvmException;
import dev.javisor.hypervisor.abi.PicState;
import dev.javisor.processor.apic.ApicBus;
import dev.javisor.processor.bus.InterruptLine;
import dev.javisor.processor.bus.IoBus;
import dev.javisor.processor.bus.SharedLine;
import dev.javisor.processor.chipset.IoApic;
import dev.javisor.processor.chipset.PicPair;
import dev.javisor.processor.chipset.PicRegisters;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import dev.javisor.processor.state.Stateful;
import java.util.function.IntConsumer;

/** The interrupt controllers of a PC in the kernel: the 8259 pair and the I/O APIC. */
public final class KernelIrqChip implements Stateful {
    /** Inputs of the I/O APIC. */
    public static final int INPUTS = IoApic.PINS;

    /** Who drives an input: userspace, the timer in the kernel, or userspace up to the end of the interrupt. */
    public static final int USERSPACE = 0, TIMER = 1, RESAMPLER = 2;

    private static final int SOURCES = 3, ISA_INPUTS = 16, LAST_ICW = 4;

    private final PicPair pics;
    private final IoApic ioApic;
    private final SharedLine[] picInputs = new SharedLine[ISA_INPUTS];
    private final SharedLine[] ioApicInputs = new SharedLine[INPUTS];
    private final InterruptLine[][] picSources = new InterruptLine[ISA_INPUTS][SOURCES];
    private final InterruptLine[][] ioApicSources = new InterruptLine[INPUTS][SOURCES];

    /** @param ports where the 8259s are to be found */
    public KernelIrqChip(ApicBus bus, IoBus ports) {
        pics = new PicPair(bus::setExternalInterrupt);
        pics.connect(ports);
        ioApic = IoApic.withoutPolarity(bus::deliver);
        bus.onEoi(ioApic::endOfInterrupt);
        for (int i = 0; i < ISA_INPUTS; i++) {
            picInputs[i] = shared(pics.line(i), picSources[i]);
        }
        for (int i = 0; i < INPUTS; i++) {
            ioApicInputs[i] = shared(ioApic.line(i), ioApicSources[i]);
        }
    }

    private static SharedLine shared(InterruptLine input, InterruptLine[] sources) {
        SharedLine line = new SharedLine(input);
        for (int s = 0; s < SOURCES; s++) {
            sources[s] = line.source();
        }
        return line;
    }

    /** The register page of the I/O APIC. */
    public IoApic ioApic() {
        return ioApic;
    }

    /** Interrupt-acknowledge cycle of the 8259 pair. */
    public int acknowledge() {
        return pics.acknowledge();
    }

    /** Who is told that the interrupt of a level-triggered input of the I/O APIC has ended. */
    public void onEnd(IntConsumer pin) {
        ioApic.onEnd(pin);
    }

    void drive(int source, int chip, int pin, boolean level) {
        switch (chip) {
            case IrqRoutingEntry.PIC_MASTER -> picSources[pin][source].set(level);
            case IrqRoutingEntry.PIC_SLAVE -> picSources[ISA_INPUTS / 2 + pin][source].set(level);
            default -> ioApicSources[pin][source].set(level);
        }
    }

    // ---- KVM_GET_IRQCHIP, KVM_SET_IRQCHIP ----

    /** @throws KvmException INVALID_ARGUMENT when there is no such controller */
    public IrqChip get(int chipId) {
        IrqChip chip = new IrqChip(chipId);
        switch (chipId) {
            case IrqRoutingEntry.PIC_MASTER -> describe(pics.master(), chip.pic);
            case IrqRoutingEntry.PIC_SLAVE -> describe(pics.slave(), chip.pic);
            case IrqRoutingEntry.IOAPIC -> describe(ioApic.registers(), chip.ioapic);
            default -> throw unknown(chipId);
        }
        return chip;
    }

    /** @throws KvmException INVALID_ARGUMENT when there is no such controller, or it cannot be in this state */
    public void set(IrqChip chip) {
        switch (chip.chipId) {
            case IrqRoutingEntry.PIC_MASTER -> pics.setMaster(registers(chip.pic));
            case IrqRoutingEntry.PIC_SLAVE -> pics.setSlave(registers(chip.pic));
            case IrqRoutingEntry.IOAPIC -> {
                IoApicState s = chip.ioapic;
                if (s.baseAddress != IoApic.DEFAULT_BASE) {
                    throw KvmException.invalid("the I/O APIC is not at " + Long.toHexString(s.baseAddress));
                }
                ioApic.setRegisters(new IoApic.Registers(s.id, s.ioregsel, s.irr, s.redirtbl.clone()));
            }
            default -> throw unknown(chip.chipId);
        }
    }

    private static KvmException unknown(int chipId) {
        return KvmException.invalid("there is no interrupt controller " + chipId);
    }

    private static void describe(IoApic.Registers r, IoApicState s) {
        s.baseAddress = IoApic.DEFAULT_BASE;
        s.id = r.id();
        s.ioregsel = r.select();
        s.irr = r.asserted();
        System.arraycopy(r.redirection(), 0, s.redirtbl, 0, INPUTS);
    }

    private static void describe(PicRegisters r, PicState s) {
        s.lastIrr = r.lines();
        s.irr = r.irr();
        s.imr = r.imr();
        s.isr = r.isr();
        s.priorityAdd = r.lowest() + 1 & 7;
        s.irqBase = r.vectorBase();
        s.readRegSelect = r.readIsr();
        s.poll = r.poll();
        s.specialMask = r.specialMask();
        s.initState = r.expectedIcw() == 0 ? 0 : r.expectedIcw() - 1;
        s.autoEoi = r.autoEoi();
        s.rotateOnAutoEoi = r.rotateOnAutoEoi();
        s.specialFullyNestedMode = r.specialFullyNested();
        s.init4 = r.icw4Needed();
        s.elcr = r.elcr();
        s.elcrMask = r.elcrMask();
    }

    private static PicRegisters registers(PicState s) {
        if (s.initState < 0 || s.initState >= LAST_ICW || s.priorityAdd > 7) {
            throw KvmException.invalid("an 8259 cannot be in this state");
        }
        int expectedIcw = s.initState == 0 ? 0 : s.initState + 1;
        return new PicRegisters(
                s.lastIrr, s.irr, s.isr, s.imr, s.elcr, s.elcrMask, s.irqBase, s.priorityAdd + 7 & 7, expectedIcw, s.init4,
                s.autoEoi, s.rotateOnAutoEoi, s.specialFullyNestedMode, s.specialMask, s.readRegSelect, s.poll);
    }

    // ---- state ----

    @Override
    public void save(StateOutput out) {
        out.put("8259", pics);
        out.put("I/O APIC", ioApic);
        for (SharedLine l : picInputs) {
            out.put("8259 input", l);
        }
        for (SharedLine l : ioApicInputs) {
            out.put("I/O APIC input", l);
        }
    }

    @Override
    public void load(StateInput in) {
        in.get("8259", pics);
        in.get("I/O APIC", ioApic);
        for (SharedLine l : picInputs) {
            in.get("8259 input", l);
        }
        for (SharedLine l : ioApicInputs) {
            in.get("I/O APIC input", l);
        }
    }
}

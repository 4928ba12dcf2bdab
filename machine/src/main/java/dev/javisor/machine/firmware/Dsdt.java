package dev.javisor.machine.firmware;

import static dev.javisor.machine.firmware.Aml.ARG_0;
import static dev.javisor.machine.firmware.Aml.ARG_3;
import static dev.javisor.machine.firmware.Aml.busNumbers;
import static dev.javisor.machine.firmware.Aml.device;
import static dev.javisor.machine.firmware.Aml.eisaId;
import static dev.javisor.machine.firmware.Aml.integer;
import static dev.javisor.machine.firmware.Aml.irq;
import static dev.javisor.machine.firmware.Aml.memory;
import static dev.javisor.machine.firmware.Aml.method;
import static dev.javisor.machine.firmware.Aml.name;
import static dev.javisor.machine.firmware.Aml.packageOf;
import static dev.javisor.machine.firmware.Aml.path;
import static dev.javisor.machine.firmware.Aml.portWindow;
import static dev.javisor.machine.firmware.Aml.ports;
import static dev.javisor.machine.firmware.Aml.resources;
import static dev.javisor.machine.firmware.Aml.returns;
import static dev.javisor.machine.firmware.Aml.scope;
import static dev.javisor.machine.firmware.Aml.store;

import dev.javisor.machine.device.Hpet;
import dev.javisor.machine.device.PowerManagement;
import dev.javisor.machine.device.Uart16550;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntBinaryOperator;

/** The definition block of the differentiated system description table: sleep states, the PCI host bridge and the devices of the board. */
final class Dsdt {
    private static final int PCI_DEVICES = 32;
    private static final int PINS = 4;
    /** UUID 33DB4D5B-1FF7-401C-9657-7441C03DD766: host bridge capabilities in _OSC. */
    private static final byte[] HOST_BRIDGE_UUID = {
        0x5B, 0x4D, (byte) 0xDB, 0x33, (byte) 0xF7, 0x1F, 0x1C, 0x40, (byte) 0x96, 0x57, 0x74, 0x41, (byte) 0xC0, 0x3D, (byte) 0xD7, 0x66
    };
    private static final int UNRECOGNIZED_UUID = 4;

    private final PcDescription pc;

    private Dsdt(PcDescription pc) {
        this.pc = pc;
    }

    static byte[] definitionBlock(PcDescription pc) {
        return new Dsdt(pc).block();
    }

    private byte[] block() {
        List<byte[]> board = new ArrayList<>();
        board.add(motherboard());
        if (pc.hpet()) {
            board.add(described("HPET", "PNP0103", 0, memory(Hpet.DEFAULT_BASE, Hpet.SIZE)));
        }
        isaDevices(board);
        List<byte[]> bus = new ArrayList<>();
        if (pc.pci() != null) {
            bus.addAll(hostBridge());
            bus.addAll(board);
            board = List.of(device("PCI0", bus.toArray(byte[][]::new)));
        }
        return Aml.join(
                name("\\_S3", sleepState(PowerManagement.SLEEP_TYPE_S3)),
                name("\\_S5", sleepState(PowerManagement.SLEEP_TYPE_S5)),
                name("\\PICM", integer(0)),
                method("\\_PIC", 1, store(ARG_0, path("\\PICM"))),
                scope("\\_SB", board.toArray(byte[][]::new)));
    }

    private static byte[] sleepState(int type) {
        return packageOf(integer(type), integer(type), integer(0), integer(0));
    }

    private static byte[] described(String name, String id, int unit, byte[]... resources) {
        byte[] present = name("_STA", integer(0xF));
        return device(name, name("_HID", eisaId(id)), name("_UID", integer(unit)), present, name("_CRS", resources(resources)));
    }

    private void isaDevices(List<byte[]> to) {
        to.add(described("PIC_", "PNP0000", 0, ports(0x20, 2), ports(0xA0, 2), ports(0x4D0, 2), irq(2)));
        to.add(described("TIMR", "PNP0100", 0, ports(0x40, 4), irq(0)));
        to.add(described("RTC_", "PNP0B00", 0, ports(0x70, 2), irq(8)));
        to.add(described("SPKR", "PNP0800", 0, ports(0x61, 1)));
        to.add(described("KBD_", "PNP0303", 0, ports(0x60, 1), ports(0x64, 1), irq(1)));
        if (pc.mouse()) {
            to.add(described("MOU_", "PNP0F13", 0, irq(12)));
        }
        for (int i = 0; i < pc.serialPorts(); i++) {
            to.add(described("COM" + (i + 1), "PNP0501", i + 1, ports(Uart16550.PORTS[i], 8), irq(Uart16550.IRQS[i])));
        }
    }

    /** What no driver shall take: the chip set's own ports, and memory-mapped configuration space. */
    private byte[] motherboard() {
        List<byte[]> r = new ArrayList<>();
        r.add(ports(0x92, 1));
        r.add(ports(PowerManagement.SMI_COMMAND_PORT, 2));
        r.add(ports(PowerManagement.PORT, PowerManagement.LENGTH));
        if (pc.pci() != null && pc.pci().ecam() != 0) {
            r.add(memory(pc.pci().ecam(), AcpiTables.ECAM_SIZE));
        }
        return described("MBRD", "PNP0C02", 0, r.toArray(byte[][]::new));
    }

    private List<byte[]> hostBridge() {
        PcDescription.Pci pci = pc.pci();
        boolean express = pci.ecam() != 0;
        List<byte[]> terms = new ArrayList<>();
        terms.add(name("_HID", eisaId(express ? "PNP0A08" : "PNP0A03")));
        if (express) {
            terms.add(name("_CID", eisaId("PNP0A03")));
            terms.add(operatingSystemCapabilities());
        }
        terms.add(name("_UID", integer(0)));
        terms.add(name("_BBN", integer(0)));
        terms.add(name("_CRS", bridgeResources(pci)));
        terms.add(name("PRTA", routing(pci.gsis())));
        terms.add(name("PRTP", routing(pci.irqs())));
        terms.add(method("_PRT", 0, Aml.ifTrue(path("\\PICM"), returns(path("PRTA"))), Aml.otherwise(returns(path("PRTP")))));
        return terms;
    }

    private static byte[] bridgeResources(PcDescription.Pci pci) {
        List<byte[]> r = new ArrayList<>();
        r.add(busNumbers(0, 255));
        r.add(ports(0xCF8, 8));
        r.add(portWindow(0, 0xCF7));
        r.add(portWindow(0xD00, 0xFFFF));
        r.add(Aml.memoryWindow(0xA0000, 0xBFFFF, true));
        r.add(Aml.memoryWindow(pci.memoryFirst(), pci.memoryLast(), false));
        if (pci.highFirst() != 0) {
            r.add(Aml.highMemoryWindow(pci.highFirst(), pci.highLast()));
        }
        return resources(r.toArray(byte[][]::new));
    }

    /** A routing table whose interrupts are wired, not set by link devices. */
    private static byte[] routing(IntBinaryOperator interrupts) {
        byte[][] entries = new byte[PCI_DEVICES * PINS][];
        for (int d = 0; d < PCI_DEVICES; d++) {
            for (int pin = 0; pin < PINS; pin++) {
                long address = (long) d << 16 | 0xFFFF;
                entries[d * PINS + pin] =
                        packageOf(integer(address), integer(pin), integer(0), integer(interrupts.applyAsInt(d, pin)));
            }
        }
        return packageOf(entries);
    }

    /** Grants whatever is asked of the host bridge, as nothing else wants it. */
    private static byte[] operatingSystemCapabilities() {
        return method(
                "_OSC",
                4,
                Aml.createDwordField(ARG_3, 0, "CDW1"),
                Aml.ifTrue(Aml.equal(ARG_0, Aml.buffer(HOST_BRIDGE_UUID)), returns(ARG_3)),
                Aml.or(path("CDW1"), integer(UNRECOGNIZED_UUID), path("CDW1")),
                returns(ARG_3));
    }
}

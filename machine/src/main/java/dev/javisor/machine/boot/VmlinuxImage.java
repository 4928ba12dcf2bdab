package dev.javisor.machine.boot;

import static dev.javisor.machine.boot.LinuxProtocol.*;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** An uncompressed Linux kernel (vmlinux), entered at its ELF entry point under the conditions of the 32-bit or 64-bit boot protocol. */
final class VmlinuxImage implements BootImage {
    private final ElfImage elf;

    VmlinuxImage(ElfImage elf) {
        this.elf = elf;
    }

    @Override
    public String describe() {
        return elf.is64 ? "64-bit ELF kernel" : "32-bit ELF kernel";
    }

    @Override
    public StartState load(BootContext context) {
        StartState.Mode mode = LinuxProtocol.mode(context, elf.file, !elf.is64, elf.is64);
        long entry = elf.physicalEntry();
        elf.load(context.memory(), context.map());
        Placement room = new Placement(context.map());
        room.take(elf.start(), elf.end() - elf.start());
        byte[] setup = new byte[4096];
        ByteBuffer b = ByteBuffer.wrap(setup).order(ByteOrder.LITTLE_ENDIAN);
        b.putShort(BOOT_FLAG, (short) 0xAA55).putInt(HEADER, 0x53726448).putShort(VERSION, (short) 0x020C);
        b.putInt(CMDLINE_SIZE, 2047).putInt(KERNEL_ALIGNMENT, 0x1000000);
        return LinuxProtocol.start(context, elf.file, setup, room, 0xFFFFFFFFL, mode, entry);
    }
}

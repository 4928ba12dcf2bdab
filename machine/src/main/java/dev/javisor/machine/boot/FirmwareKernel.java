package dev.javisor.machine.boot;

import static dev.javisor.machine.boot.LinuxProtocol.*;

import dev.javisor.machine.device.FirmwareConfig;
import dev.javisor.machine.memory.MemoryMap;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/**
 * A kernel that a firmware in the guest starts, by the real-mode part of the Linux/x86 boot protocol or in a way of its own: the firmware
 * configuration device shows setup code, kernel, command line and initial RAM disk with the addresses where they go, and has a ROM with
 * which a BIOS boots them.
 */
public final class FirmwareKernel {
    private static final int HDRS = 0x53726448, SECTOR = 512, USUAL_SETUP_SECTORS = 4;
    private static final int PROTOCOL_2_00 = 0x0200, PROTOCOL_2_01 = 0x0201, PROTOCOL_2_02 = 0x0202, PROTOCOL_2_03 = 0x0203;
    private static final int LOADED_HIGH = 1, CAN_USE_HEAP = 0x80, UNDEFINED_LOADER = 0xFF;
    private static final int HEAP_END = 0x224;
    /** Offsets and mark of the command line before protocol 2.02. */
    private static final int OLD_COMMAND_LINE = 0x20, OLD_COMMAND_LINE_OFFSET = 0x22, OLD_COMMAND_LINE_MARK = 0xA33F;

    private static final int HIGH_SETUP = 0x10000, HIGH_COMMAND_LINE = 0x20000, HIGH_KERNEL = 0x100000;
    private static final int LOW_SETUP = 0x90000, LOW_COMMAND_LINE_END = 0x9A000, LOW_KERNEL = 0x10000;
    private static final long DEFAULT_INITRD_MAXIMUM = 0x37FFFFFF;
    /** At the end of RAM below 4 GiB: room for the firmware's tables. */
    private static final int FIRMWARE_ROOM = 1 << 20;

    /** What EFI applications begin with. */
    static final int MZ = 0x5A4D;

    private static final int MAXIMUM_COMMAND_LINE = 0x8000;

    private final ImageFile file;
    private final ImageFile initrd;
    private final byte[] commandLine;
    /** 0 for what is older than the protocol's header. */
    private final int version;
    private final boolean application;
    private final boolean high;
    private final int setupSize;

    /**
     * Checks the files.
     *
     * @param modules an initial RAM disk at most
     * @throws BadImageException if no firmware could start them
     */
    public FirmwareKernel(ImageFile file, List<BootModule> modules, String commandLine) {
        this.file = file;
        this.commandLine = (commandLine + "\0").getBytes(StandardCharsets.UTF_8);
        boolean linux = LinuxImage.recognises(file);
        application = !linux && file.int16(0) == MZ;
        if (!application && (MultibootImage.recognises(file) || ElfImage.recognises(file))) {
            throw new BadImageException(file, "is started without firmware");
        }
        if (!application && file.int16(BOOT_FLAG) != 0xAA55) {
            throw new BadImageException(file, "is no Linux kernel, and no EFI application");
        }
        version = linux ? file.int16(VERSION) : 0;
        high = application || version >= PROTOCOL_2_00 && (file.content()[LOADFLAGS] & LOADED_HIGH) != 0;
        int sectors = file.size() > SETUP_HEADER ? file.content()[SETUP_HEADER] & 0xFF : 0;
        setupSize = application ? Math.min(file.size(), SECTOR) : SECTOR * (1 + (sectors == 0 ? USUAL_SETUP_SECTORS : sectors));
        if (file.size() < setupSize || version >= PROTOCOL_2_00 && setupSize < INITRD_ADDR_MAX + 4) {
            throw new BadImageException(file, "is truncated: it ends within the setup code");
        }
        if (this.commandLine.length > MAXIMUM_COMMAND_LINE) {
            throw new BadImageException(file, "takes a command line of at most " + (MAXIMUM_COMMAND_LINE - 1) + " bytes");
        }
        if (modules.size() > 1) {
            throw new BadImageException(modules.get(1).file(), "cannot be loaded: a firmware takes one initial RAM disk and no modules");
        }
        initrd = modules.isEmpty() ? null : modules.getFirst().file();
        if (initrd != null && version < PROTOCOL_2_00 && !application) {
            throw new BadImageException(file, "is too old for an initial RAM disk");
        }
    }

    /**
     * Shows everything to the firmware.
     *
     * @throws BadImageException if it does not fit into memory
     */
    public void offer(FirmwareConfig config, MemoryMap map) {
        int kernelSize = file.size() - setupSize;
        int setupAddress = high ? HIGH_SETUP : LOW_SETUP;
        int commandLineAddress = high ? HIGH_COMMAND_LINE : LOW_COMMAND_LINE_END - commandLine.length;
        int kernelAddress = high ? HIGH_KERNEL : LOW_KERNEL;
        long end = high ? map.lowEnd() - FIRMWARE_ROOM : LOW_SETUP;
        if (kernelSize > end - kernelAddress || commandLineAddress - setupAddress < setupSize) {
            throw new BadImageException(file, "does not fit into memory (" + map.megabytes() + " MiB of RAM)");
        }
        byte[] setup = Arrays.copyOf(file.content(), setupSize);
        ByteBuffer b = ByteBuffer.wrap(setup).order(ByteOrder.LITTLE_ENDIAN);
        if (version >= PROTOCOL_2_00) {
            b.put(TYPE_OF_LOADER, (byte) UNDEFINED_LOADER);
        }
        if (version >= PROTOCOL_2_01) {
            b.putShort(HEAP_END, (short) (commandLineAddress - setupAddress - SECTOR));
            b.put(LOADFLAGS, (byte) (b.get(LOADFLAGS) | CAN_USE_HEAP));
        }
        if (version >= PROTOCOL_2_02) {
            b.putInt(CMD_LINE_PTR, commandLineAddress);
        } else if (!application) {
            b.putShort(OLD_COMMAND_LINE, (short) OLD_COMMAND_LINE_MARK);
            b.putShort(OLD_COMMAND_LINE_OFFSET, (short) (commandLineAddress - setupAddress));
        }
        if (initrd != null) {
            int at = placeInitrd(map, kernelAddress + kernelSize);
            if (version >= PROTOCOL_2_00) {
                b.putInt(RAMDISK_IMAGE, at).putInt(RAMDISK_SIZE, initrd.size());
            }
            config.putInt(FirmwareConfig.INITRD_ADDRESS, at);
            config.putInt(FirmwareConfig.INITRD_SIZE, initrd.size());
            config.put(FirmwareConfig.INITRD_DATA, initrd.content());
        }
        config.putInt(FirmwareConfig.SETUP_ADDRESS, setupAddress);
        config.putInt(FirmwareConfig.SETUP_SIZE, setupSize);
        config.put(FirmwareConfig.SETUP_DATA, setup);
        config.putInt(FirmwareConfig.COMMAND_LINE_ADDRESS, commandLineAddress);
        config.putInt(FirmwareConfig.COMMAND_LINE_SIZE, commandLine.length);
        config.put(FirmwareConfig.COMMAND_LINE_DATA, commandLine);
        config.putInt(FirmwareConfig.KERNEL_ADDRESS, kernelAddress);
        config.putInt(FirmwareConfig.KERNEL_SIZE, kernelSize);
        config.put(FirmwareConfig.KERNEL_DATA, Arrays.copyOfRange(file.content(), setupSize, file.size()));
        config.addFile(KernelRom.FILE, KernelRom.image());
        config.addFile("bootorder", ("/rom@" + KernelRom.FILE + "\n\0").getBytes(StandardCharsets.US_ASCII));
    }

    private int placeInitrd(MemoryMap map, long lowest) {
        long maximum = version >= PROTOCOL_2_03 ? file.int32(INITRD_ADDR_MAX) & 0xFFFFFFFFL : DEFAULT_INITRD_MAXIMUM;
        long at = Math.min(map.lowEnd() - FIRMWARE_ROOM, maximum + 1) - initrd.size() & -4096L;
        if (at < Math.max(lowest, HIGH_KERNEL)) {
            throw new BadImageException(
                    initrd,
                    "has " + initrd.size() + " bytes and does not fit into memory beside the kernel (" + map.megabytes() + " MiB of RAM)");
        }
        return (int) at;
    }
}

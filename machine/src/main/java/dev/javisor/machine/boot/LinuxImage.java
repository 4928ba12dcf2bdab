package dev.javisor.machine.boot;

import static dev.javisor.machine.boot.LinuxProtocol.*;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/** A Linux bzImage: boot sector, setup code, and the compressed kernel that is entered in protected or 64-bit mode. */
final class LinuxImage implements BootImage {
    private static final int HDRS = 0x53726448, SECTOR = 512;
    private static final int LOADED_HIGH = 1, KERNEL_64 = 1, CAN_BE_LOADED_ABOVE_4G = 2;
    /** Offset of the 64-bit entry point from where the kernel is loaded. */
    private static final int ENTRY_64 = 0x200;

    private static final long DEFAULT_LOAD_ADDRESS = 0x100000, DEFAULT_INITRD_MAXIMUM = 0x37FFFFFF;

    private final ImageFile file;
    private final ByteBuffer header;
    private final int version;
    private final int kernelOffset;

    static boolean recognises(ImageFile file) {
        return file.int16(BOOT_FLAG) == 0xAA55 && file.int32(HEADER) == HDRS;
    }

    LinuxImage(ImageFile file) {
        this.file = file;
        header = file.buffer();
        version = file.int16(VERSION);
        if (version < 0x0202) {
            throw new BadImageException(file,
                    "is a Linux kernel with boot protocol %d.%02d; without a firmware, 2.02 is the oldest that can be started"
                            .formatted(version >> 8, version & 0xFF));
        }
        int sectors = file.size() > SETUP_HEADER ? header.get(SETUP_HEADER) & 0xFF : 0;
        kernelOffset = SECTOR * (1 + (sectors == 0 ? 4 : sectors));
        if (file.size() < INIT_SIZE + 4 || file.size() <= kernelOffset) {
            throw new BadImageException(file, "is truncated: it ends within the setup code");
        }
        if ((header.get(LOADFLAGS) & LOADED_HIGH) == 0) {
            throw new BadImageException(file, "is a Linux zImage, which is loaded low; without a firmware, only bzImages can be started");
        }
        if (header.getInt(CODE32_START) == 0 || header.getInt(SYSSIZE) == 0) {
            throw new BadImageException(file, "has no 32-bit entry point; it starts in real mode and needs a firmware");
        }
        // The size field counts 16-byte paragraphs of the protected-mode kernel; the file may be longer (signatures).
        long promised = (header.getInt(SYSSIZE) & 0xFFFFFFFFL) * 16;
        if (promised > file.size() - kernelOffset + 15L) {
            throw new BadImageException(
                    file, "is truncated: %d of %d bytes of the kernel are there".formatted(file.size() - kernelOffset, promised));
        }
    }

    @Override
    public String describe() {
        return "Linux bzImage, boot protocol %d.%02d".formatted(version >> 8, version & 0xFF);
    }

    @Override
    public StartState load(BootContext context) {
        int limit = version >= 0x0206 ? header.getInt(CMDLINE_SIZE) : 255;
        if (context.commandLine().length() > limit) {
            throw new BadImageException(file, "takes a command line of at most " + limit + " characters");
        }
        int xloadflags = version >= 0x020C ? header.getShort(XLOADFLAGS) : 0;
        StartState.Mode mode = LinuxProtocol.mode(context, file, true, (xloadflags & KERNEL_64) != 0);
        long load = DEFAULT_LOAD_ADDRESS;
        int size = file.size() - kernelOffset;
        ElfImage.requireRoom(file, context.map(), load, size);
        Placement room = new Placement(context.map());
        room.take(load, size);
        if (version >= 0x020A) {
            long start = Math.max(header.getLong(PREF_ADDRESS), load);
            long needed = header.getInt(INIT_SIZE) & 0xFFFFFFFFL;
            ElfImage.requireRoom(file, context.map(), start, needed);
            room.take(start, needed);
        }
        long initrdMaximum = version < 0x0203 ? DEFAULT_INITRD_MAXIMUM : header.getInt(INITRD_ADDR_MAX) & 0xFFFFFFFFL;
        if (mode == StartState.Mode.LONG && (xloadflags & CAN_BE_LOADED_ABOVE_4G) != 0) {
            initrdMaximum = Long.MAX_VALUE - 1;
            if (context.initrd() != null && context.initrd().size() < context.map().lowEnd() - load - size) {
                initrdMaximum = 0xFFFFFFFFL;
            }
        }
        context.memory().write(load, file.content(), kernelOffset, size);
        byte[] setup = new byte[4096];
        int headerEnd = Math.min(HEADER + (header.get(0x201) & 0xFF), Math.min(kernelOffset, 0x290));
        System.arraycopy(file.content(), SETUP_HEADER, setup, SETUP_HEADER, headerEnd - SETUP_HEADER);
        Arrays.fill(setup, RAMDISK_IMAGE, RAMDISK_SIZE + 4, (byte) 0);
        ByteBuffer.wrap(setup).order(ByteOrder.LITTLE_ENDIAN).putInt(CODE32_START, (int) load);
        return LinuxProtocol.start(
                context, file, setup, room, initrdMaximum, mode, mode == StartState.Mode.LONG ? load + ENTRY_64 : load);
    }
}

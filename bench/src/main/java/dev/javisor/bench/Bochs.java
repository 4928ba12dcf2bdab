package dev.javisor.bench;

import dev.javisor.isa.Asm;
import dev.javisor.isa.CodeSize;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Bochs. It has no boot protocols: images are on a disk whose boot sector loads and enters them. The guest's serial
 * port goes to a file.
 */
final class Bochs implements Emulator {
    private static final long IMAGE = 0x100000;
    private static final int SECTOR = 512;
    private static final int SECTORS_PER_TRACK = 63, HEADS = 16;

    /** Emulated instructions in a second of guest time: about as many as it manages. */
    private static final long INSTRUCTIONS_PER_SECOND = 50_000_000;

    /** Sectors that are read at a time. */
    private static final int CHUNK = 32;

    /** The boot sector: copies parts of the disk, as the list behind it says, to where they belong. */
    private static final String LOADER =
            """
                    cli
                    xor ax, ax
                    mov ds, ax
                    mov es, ax
                    mov ss, ax
                    mov sp, 0x7C00
                    sti
                    mov bp, parts
            part:   cmp dword [bp+4], 0
                    je enter
            chunk:  mov eax, [bp]
                    mov [packet+8], eax
                    mov dl, 0x80
                    mov si, packet
                    mov ah, 0x42            ; extended read
                    int 0x13
                    jc $
                    mov eax, [bp+8]
                    mov [target+2], ax
                    shr eax, 16
                    mov [target+4], al
                    mov [target+7], ah
                    mov cx, CHUNK * 256
                    mov si, blocks
                    mov ah, 0x87            ; block move
                    int 0x15
                    jc $
                    add dword [bp], CHUNK
                    add dword [bp+8], CHUNK * 512
                    dec dword [bp+4]
                    jnz chunk
                    add bp, 12
                    jmp part
            packet: dw 16, CHUNK, 0, 0x1000
                    dq 0
            blocks: dq 0, 0, 0x000093010000FFFF
            target: dq 0x000093000000FFFF, 0, 0
            """;

    private static final String ENTER_IMAGE =
            """
            enter:  cli
                    mov dx, 0x3FB
                    mov al, 3               ; 8 bits, no parity
                    out dx, al
                    in al, 0x92             ; A20
                    or al, 2
                    out 0x92, al
                    lgdt [gdtr]
                    mov eax, cr0
                    or al, 1
                    mov cr0, eax
                    jmp 8:flat
            gdt:    dq 0, 0x00CF9B000000FFFF, 0x00CF93000000FFFF
            gdtr:   dw 23
                    dd gdt
            bits 32
            flat:   mov eax, 16
                    mov ds, eax
                    mov es, eax
                    mov ss, eax
                    mov eax, [0x10001C]     ; the entry point in the multiboot header
                    jmp eax
            """;

    /** Linux, "The Linux/x86 Boot Protocol": the real-mode kernel at 90000H. */
    private static final String ENTER_LINUX =
            """
            enter:  cli
                    mov ax, 0x9000
                    mov ds, ax
                    mov es, ax
                    mov fs, ax
                    mov gs, ax
                    mov ss, ax
                    mov sp, 0xB000
                    jmp 0x9020:0
            """;

    private static final long SETUP = 0x90000;
    private static final int COMMAND_LINE = 0xB800;
    private static final int SETUP_SIZE = 0xC000;
    /** Fields of the setup header. */
    private static final int SETUP_SECTS = 0x1F1, TYPE_OF_LOADER = 0x210, LOADFLAGS = 0x211, RAMDISK_IMAGE = 0x218, RAMDISK_SIZE = 0x21C,
            HEAP_END_PTR = 0x224, CMD_LINE_PTR = 0x228;

    private static final int CAN_USE_HEAP = 0x80;

    private final String program;
    private final String share;
    private final Path folder;
    private final String name;
    private final boolean debugger;
    private final String display;

    /**
     * Finds out how the installed Bochs wants to be run.
     *
     * @param share where its BIOS images are
     * @param folder for temporary files
     * @param first an image that prints a character and ends
     * @throws IOException it does not run it
     */
    Bochs(String program, String share, Path folder, Path first) throws IOException, InterruptedException {
        this.program = program;
        this.share = share;
        this.folder = folder;
        String help = new HostProcess(List.of(program, "--help")).screen(folder.resolve("none")).run(null, false).messages();
        debugger = help.contains("-rc ");
        name = help.lines().filter(l -> l.contains("Emulator")).map(String::strip).findFirst().orElse(program);
        String found = null;
        String messages = "";
        for (String candidate : List.of("nogui", "rfb, options=\"timeout=0\"", "term")) {
            HostProcess p = process(candidate, Guest.MEMORY, ENTER_IMAGE, Map.of(IMAGE, Files.readAllBytes(first)));
            HostProcess.Outcome o = p.run(null, false);
            messages = o.messages();
            if (!o.output().isEmpty()) {
                found = candidate;
                break;
            }
        }
        if (found == null) {
            throw new IOException(program + " does not run a first image: " + messages);
        }
        display = found;
    }

    /** What it says of itself. */
    String version() {
        return name + (debugger ? ", built with its debugger" : "");
    }

    @Override
    public String title() {
        return "Bochs";
    }

    @Override
    public Run run(Path image) throws IOException, InterruptedException {
        HostProcess.Outcome o = process(display, Guest.MEMORY, ENTER_IMAGE, Map.of(IMAGE, Files.readAllBytes(image))).run(null, false);
        return new Run(o.output(), o.seconds(), o.processor(), 0);
    }

    @Override
    public double start(Path image) throws IOException, InterruptedException {
        return process(display, Guest.MEMORY, ENTER_IMAGE, Map.of(IMAGE, Files.readAllBytes(image))).run("*", false).seconds();
    }

    @Override
    public Boot boot(LinuxBoot linux) throws IOException, InterruptedException {
        byte[] kernel = Files.readAllBytes(linux.kernel());
        int setup = ((kernel[SETUP_SECTS] & 0xFF) + 1) * SECTOR;
        byte[] real = Arrays.copyOf(Arrays.copyOf(kernel, setup), SETUP_SIZE);
        byte[] text = linux.append().getBytes(StandardCharsets.ISO_8859_1);
        System.arraycopy(text, 0, real, COMMAND_LINE, text.length);
        ByteBuffer header = ByteBuffer.wrap(real).order(ByteOrder.LITTLE_ENDIAN);
        header.put(TYPE_OF_LOADER, (byte) 0xFF);
        header.put(LOADFLAGS, (byte) (header.get(LOADFLAGS) | CAN_USE_HEAP));
        header.putShort(HEAP_END_PTR, (short) 0xAE00);
        header.putInt(CMD_LINE_PTR, (int) SETUP + COMMAND_LINE);
        Map<Long, byte[]> images = new LinkedHashMap<>();
        if (linux.initrd() != null) {
            long size = Files.size(linux.initrd());
            // Well below the end of RAM, where the BIOS keeps its tables.
            long address = LinuxBoot.MEMORY - (16 << 20) - size & -4096L;
            header.putInt(RAMDISK_IMAGE, (int) address);
            header.putInt(RAMDISK_SIZE, (int) size);
            images.put(address, Files.readAllBytes(linux.initrd()));
        }
        images.put(SETUP, real);
        images.put(IMAGE, Arrays.copyOfRange(kernel, setup, kernel.length));
        HostProcess.Outcome o = process(display, LinuxBoot.MEMORY, ENTER_LINUX, images).ram(LinuxBoot.MEMORY).run(linux.prompt(), true);
        return new Boot(o.seconds(), o.processor(), o.memory());
    }

    private HostProcess process(String library, long memory, String entry, Map<Long, byte[]> images) throws IOException {
        Path disk = folder.resolve("bochs-disk");
        Files.deleteIfExists(Path.of(disk + ".lock"));
        int cylinders = writeDisk(disk, entry, images);
        Path screen = folder.resolve("bochs-screen");
        String text =
                """
                display_library: %s
                config_interface: textconfig
                romimage: file="%s/BIOS-bochs-latest"
                vgaromimage: file="%s/VGABIOS-lgpl-latest"
                megs: %d
                cpu: count=1, ips=%d
                clock: sync=none
                ata0-master: type=disk, mode=flat, path="%s", cylinders=%d, heads=%d, spt=%d
                boot: disk
                com1: enabled=1, mode=file, dev="%s"
                log: "%s"
                panic: action=fatal
                error: action=ignore
                info: action=ignore
                """.formatted(library, share, share, memory >> 20, INSTRUCTIONS_PER_SECOND, disk, cylinders, HEADS,
                        SECTORS_PER_TRACK, screen, folder.resolve("bochs-log"));
        Path configuration = Files.writeString(folder.resolve("bochs-configuration"), text);
        List<String> line = new ArrayList<>(List.of(program, "-q", "-f", configuration.toString()));
        if (debugger) {
            line.addAll(List.of("-rc", Files.writeString(folder.resolve("bochs-commands"), "continue\n").toString()));
        }
        return new HostProcess(line).screen(screen);
    }

    /**
     * Writes the disk that loads images to their addresses.
     *
     * @param entry what the boot sector does then
     * @return cylinders
     */
    private static int writeDisk(Path disk, String entry, Map<Long, byte[]> images) throws IOException {
        StringBuilder parts = new StringBuilder("parts:\n");
        ByteArrayOutputStream sectors = new ByteArrayOutputStream();
        for (Map.Entry<Long, byte[]> image : images.entrySet()) {
            int chunks = Math.ceilDiv(image.getValue().length, CHUNK * SECTOR);
            parts.append("dd %d, %d, %d%n".formatted(1 + sectors.size() / SECTOR, chunks, image.getKey()));
            sectors.writeBytes(Arrays.copyOf(image.getValue(), chunks * CHUNK * SECTOR));
        }
        parts.append("dd 0, 0, 0\n");
        byte[] code = Asm.assemble(CodeSize.BITS16, 0x7C00, "CHUNK equ " + CHUNK + "\n" + LOADER + entry + parts);
        if (code.length > SECTOR - 2) {
            throw new IllegalStateException("the boot sector is too long");
        }
        int cylinder = SECTOR * SECTORS_PER_TRACK * HEADS;
        int cylinders = Math.ceilDiv(SECTOR + sectors.size(), cylinder);
        byte[] all = Arrays.copyOf(code, cylinders * cylinder);
        all[SECTOR - 2] = 0x55;
        all[SECTOR - 1] = (byte) 0xAA;
        System.arraycopy(sectors.toByteArray(), 0, all, SECTOR, sectors.size());
        Files.write(disk, all);
        return cylinders;
    }
}

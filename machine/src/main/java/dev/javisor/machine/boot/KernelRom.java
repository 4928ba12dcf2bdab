package dev.javisor.machine.boot;

import dev.javisor.isa.Asm;
import dev.javisor.isa.CodeSize;
import dev.javisor.machine.device.FirmwareConfig;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * An option ROM for a BIOS in the guest, with a bootstrap entry vector: it fetches the kernel that the firmware configuration device
 * offers, and enters its setup code in real-address mode.
 */
final class KernelRom {
    /** Its name among the firmware configuration's files, where a BIOS looks for option ROMs. */
    static final String FILE = "genroms/kernel.bin";

    /** All bytes of a ROM add up to 0, and those of its Plug and Play header. */
    private static final int CHECKSUM = 6, HEADER_CHECKSUM = 9;

    private static final int HEADER_SIZE = 32;

    private static final String CODE =
            """
            bits 16
            rom:
                    db 0x55, 0xAA, (finish - rom) / 512
                    retf
                    org 0x1A
                    dw header
            header:
                    db "$PnP", 1, 2
                    dw 0
                    db 0, 0
                    dd 0
                    dw maker, product
                    db 0, 0, 0
                    db 0x64
                    dw 0, 0, boot, 0, 0
            maker   db "Javisor", 0
            product db "Linux kernel", 0

            boot:
                    push cs
                    pop ds
                    cld
                    mov si, items
            .next:
                    call read
                    mov ebx, eax
                    call read
                    mov edi, eax
                    lodsw
                    test edi, edi
                    jz .done
                    call transfer
            .done:
                    cmp si, items_end
                    jb .next

                    mov si, start
                    call read
                    mov ebx, eax
                    call read
                    sub eax, ebx
                    sub eax, 16
                    shr ebx, 4
                    cli
                    mov ss, bx
                    mov esp, eax
                    mov ds, bx
                    mov es, bx
                    mov fs, bx
                    mov gs, bx
                    add bx, 0x20
                    push bx
                    push word 0
                    xor eax, eax
                    mov ebx, eax
                    mov ecx, eax
                    mov edx, eax
                    mov esi, eax
                    mov edi, eax
                    mov ebp, eax
                    retf

            ; EAX: the 32-bit item whose number DS:SI points to.
            read:
                    lodsw
                    mov dx, 0x510
                    out dx, ax
                    inc dx
                    mov cx, 4
            .byte:
                    in al, dx
                    ror eax, 8
                    loop .byte
                    ret

            ; Item AX, of EDI bytes, to physical address EBX: the descriptor is big-endian, and on the stack.
            transfer:
                    shl eax, 16
                    mov al, 0x0A
                    bswap eax
                    bswap ebx
                    bswap edi
                    push ebx
                    push dword 0
                    push edi
                    push eax
                    mov bp, sp
                    xor eax, eax
                    mov dx, 0x514
                    out dx, eax
                    mov ax, ss
                    shl eax, 4
                    movzx ecx, bp
                    add eax, ecx
                    bswap eax
                    mov dx, 0x518
                    out dx, eax
            .wait:
                    mov eax, [bp]
                    and eax, 0xFEFFFFFF
                    jnz .wait
                    add sp, 16
                    ret

                    align 2
            items:
                    dw %s
            items_end:
            start:
                    dw %s
                    align 512
            finish:
            """.formatted(
                    numbers(
                            FirmwareConfig.SETUP_ADDRESS, FirmwareConfig.SETUP_SIZE, FirmwareConfig.SETUP_DATA,
                            FirmwareConfig.COMMAND_LINE_ADDRESS, FirmwareConfig.COMMAND_LINE_SIZE, FirmwareConfig.COMMAND_LINE_DATA,
                            FirmwareConfig.KERNEL_ADDRESS, FirmwareConfig.KERNEL_SIZE, FirmwareConfig.KERNEL_DATA,
                            FirmwareConfig.INITRD_ADDRESS, FirmwareConfig.INITRD_SIZE, FirmwareConfig.INITRD_DATA),
                    numbers(FirmwareConfig.SETUP_ADDRESS, FirmwareConfig.COMMAND_LINE_ADDRESS));

    private KernelRom() {}

    private static String numbers(int... items) {
        return IntStream.of(items).mapToObj(Integer::toString).collect(Collectors.joining(", "));
    }

    static byte[] image() {
        Asm.Program program = Asm.program(CodeSize.BITS16, 0, CODE);
        byte[] rom = program.code();
        int header = (int) program.label("header");
        rom[header + HEADER_CHECKSUM] = (byte) -sum(rom, header, HEADER_SIZE);
        rom[CHECKSUM] = (byte) -sum(rom, 0, rom.length);
        return rom;
    }

    private static int sum(byte[] bytes, int from, int size) {
        int sum = 0;
        for (int i = from; i < from + size; i++) {
            sum += bytes[i];
        }
        return sum;
    }
}

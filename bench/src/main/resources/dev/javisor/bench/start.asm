; Multiboot image that prints one character with its first instructions and leaves through isa-debug-exit or Bochs's shutdown port.
bits 32
org 0x100000
image:
        dd 0x1BADB002, 0x00010000, -(0x1BADB002 + 0x00010000)
        dd image, image, 0, 0, start
start:
        mov edx, 0x3F8
        mov al, 42
        out dx, al
        mov edx, 0x3FD
sent:
        in al, dx
        test al, 0x40
        jz sent
        mov edx, 0xF4
        xor eax, eax
        out dx, eax
        mov esi, shutdown
        mov ecx, 8
        mov edx, 0x8900
        cld
        rep outsb
stop:
        hlt
        jmp stop
shutdown:
        db "Shutdown"

; Multiboot image: from 32-bit protected mode to 64-bit mode with 4-KiB pages, then `main` with the number of rounds in RDI.
; `main` returns a checksum in RAX, which goes to the debug console and the serial port; then the machine is left through
; isa-debug-exit or Bochs's shutdown port.
bits 32
org 0x100000
image:
        dd 0x1BADB002, 0x00010000, -(0x1BADB002 + 0x00010000)
        dd image, image, 0, 0, start
start:
        mov esp, 0x90000
        ; one page directory pointer table, one page directory, 32 page tables: 64 MiB of 4-KiB pages
        mov edi, 0x10000
        mov ecx, 0x24000 / 4
        xor eax, eax
        cld
        rep stosd
        mov dword [0x10000], 0x11003
        mov dword [0x11000], 0x12003
        mov edi, 0x12000
        mov eax, 0x13003
        mov ecx, 32
directory:
        mov [edi], eax
        add eax, 0x1000
        add edi, 8
        dec ecx
        jnz directory
        mov edi, 0x13000
        mov eax, 3
        mov ecx, 32 * 512
table:
        mov [edi], eax
        add eax, 0x1000
        add edi, 8
        dec ecx
        jnz table
        mov eax, 0x10000
        mov cr3, eax
        mov eax, 0x620          ; PAE, OSFXSR, OSXMMEXCPT
        mov cr4, eax
        mov ecx, 0xC0000080
        mov eax, 0x901          ; SCE, LME, NXE
        xor edx, edx
        wrmsr
        mov eax, 0x80010033     ; PG, WP, NE, ET, MP, PE
        mov cr0, eax
        lgdt [gdt_pointer]
        jmp 8:long_mode
align 16
gdt:
        dq 0, 0x00AF9B000000FFFF, 0x00CF93000000FFFF
        dq 0x00CFFB000000FFFF, 0x00CFF3000000FFFF, 0x00AFFB000000FFFF
        dq 0, 0
gdt_end:
gdt_pointer:
        dw gdt_end - gdt - 1
        dd gdt
        dd 0
bits 64
long_mode:
        mov eax, 16
        mov ds, eax
        mov es, eax
        mov ss, eax
        mov rsp, 0x90000
        ; the same start wherever it is
        xor eax, eax
        xor ecx, ecx
        xor edx, edx
        xor ebx, ebx
        xor ebp, ebp
        xor esi, esi
        xor r8d, r8d
        xor r9d, r9d
        xor r10d, r10d
        xor r11d, r11d
        mov edi, ROUNDS
        call main
        mov rbx, rax
        mov ecx, 16
digit:
        rol rbx, 4
        mov eax, ebx
        and eax, 15
        add eax, 48
        cmp eax, 58
        jb put
        add eax, 39
put:
        mov edx, 0xE9
        out dx, al
        call send
        dec ecx
        jnz digit
        mov eax, 10
        call send
        mov edx, 0x3FD
sent:
        in al, dx
        test al, 0x40
        jz sent
        mov edx, 0xF4
        xor eax, eax
        out dx, eax
        ; Bochs has a port of its own for that.
        mov esi, shutdown
        mov ecx, 8
        mov edx, 0x8900
        cld
        rep outsb
stop:
        hlt
        jmp stop
; AL to the serial port, when that is ready.
send:
        mov ah, al
        mov edx, 0x3FD
send_wait:
        in al, dx
        test al, 0x20
        jz send_wait
        mov al, ah
        mov edx, 0x3F8
        out dx, al
        ret
shutdown:
        db "Shutdown"

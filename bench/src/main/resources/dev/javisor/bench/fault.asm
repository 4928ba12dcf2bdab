; Page faults: touches 1024 pages that are not present; the handler maps each and returns.
main:
        mov r12d, edi
        mov r8d, 0x200000       ; IDT
        mov rdi, r8
        xor eax, eax
        mov ecx, 512
        rep stosq
        mov eax, fault_handler
        mov [r8+14*16], ax
        mov word [r8+14*16+2], 8
        mov word [r8+14*16+4], 0x8E00
        shr eax, 16
        mov [r8+14*16+6], ax
        sub rsp, 16
        mov word [rsp], 4095
        mov [rsp+2], r8
        lidt [rsp]
        add rsp, 16
        xor r13d, r13d
        xor ebx, ebx
fault_round:
        mov esi, 0x2000000
        mov ecx, 1024
fault_unmap:
        mov rdx, rsi
        shr rdx, 12
        mov qword [0x13000+rdx*8], 0
        invlpg [rsi]
        add rsi, 4096
        dec ecx
        jnz fault_unmap
        mov esi, 0x2000000
        mov ecx, 1024
fault_touch:
        add ebx, [rsi+8]
        add [rsi+8], ecx
        add rsi, 4096
        dec ecx
        jnz fault_touch
        dec r12d
        jnz fault_round
        mov eax, ebx
        shl rax, 32
        add rax, r13
        ret
fault_handler:
        push rax
        push rdx
        mov rax, cr2
        mov rdx, rax
        shr rdx, 12
        and rax, -4096
        or eax, 3
        mov [0x13000+rdx*8], rax
        inc r13
        pop rdx
        pop rax
        add rsp, 8
        iretq

; System calls: a loop in ring 3 that calls a kernel with SYSCALL, SWAPGS, a stack switch and SYSRET.
main:
        mov r12d, edi
        ; the first 2 MiB become user pages
        or dword [0x10000], 4
        or dword [0x11000], 4
        or dword [0x12000], 4
        xor ecx, ecx
syscall_page:
        or dword [0x13000+rcx*8], 4
        inc ecx
        cmp ecx, 512
        jb syscall_page
        mov rax, cr3
        mov cr3, rax
        mov ecx, 0xC0000081     ; STAR
        xor eax, eax
        mov edx, 0x00180008
        wrmsr
        inc ecx                 ; LSTAR
        mov eax, syscall_entry
        xor edx, edx
        wrmsr
        mov ecx, 0xC0000084     ; FMASK
        mov eax, 0x700
        wrmsr
        mov ecx, 0xC0000102     ; KERNEL_GS_BASE
        mov eax, 0xA0000
        sub eax, 0x1000
        wrmsr
        mov [rax], rsp
        mov dword [rax+16], 0
        mov ecx, syscall_user
        mov r11d, 2
        mov esp, 0x80000
        o64 sysret
syscall_user:
        xor ebx, ebx
        mov r13d, r12d
syscall_round:
        mov ebp, 1000
syscall_next:
        mov edi, ebp
        mov eax, 1
        syscall
        add rbx, rax
        dec ebp
        jnz syscall_next
        dec r13d
        jnz syscall_round
        xor eax, eax
        mov rdi, rbx
        syscall
        jmp $
syscall_entry:
        swapgs
        mov [gs:8], rsp
        mov rsp, [gs:0]
        push rcx
        push r11
        test eax, eax
        jz syscall_exit
        mov eax, [gs:16]
        add eax, edi
        mov [gs:16], eax
        pop r11
        pop rcx
        mov rsp, [gs:8]
        swapgs
        o64 sysret
syscall_exit:
        pop r11
        pop rcx
        mov rax, rdi
        ret

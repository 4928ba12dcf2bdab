; Context switches: four address spaces that differ in 16 pages, each used for a while after MOV CR3.
main:
        mov r12d, edi
        ; space s: tables at 0x210000 + s * 0x4000
        xor r9d, r9d
switch_space:
        mov r8d, r9d
        shl r8d, 14
        add r8d, 0x210000
        mov rdi, r8
        xor eax, eax
        mov ecx, 0x800
        rep stosq
        lea eax, [r8+0x1003]
        mov [r8], rax
        lea eax, [r8+0x2003]
        mov [r8+0x1000], rax
        xor ecx, ecx
switch_directory:
        mov rax, [0x12000+rcx*8]
        mov [r8+0x2000+rcx*8], rax
        inc ecx
        cmp ecx, 32
        jb switch_directory
        lea eax, [r8+0x3003]
        mov [r8+0x2000+16*8], rax
        mov eax, r9d
        shl eax, 16
        add eax, 0x2000003
        xor ecx, ecx
switch_page:
        mov [r8+0x3000+rcx*8], rax
        add eax, 4096
        inc ecx
        cmp ecx, 16
        jb switch_page
        inc r9d
        cmp r9d, 4
        jb switch_space
        xor ebx, ebx
switch_round:
        mov r13d, 250
switch_turn:
        mov r8d, 0x210000
        xor r9d, r9d
switch_next:
        mov cr3, r8
        mov esi, 0x2000000
        mov ecx, 16
switch_work:
        mov eax, [rsi]
        lea eax, [rax+rax*4+1]
        add eax, r9d
        mov [rsi], eax
        add rbx, rax
        add rsi, 4096
        dec ecx
        jnz switch_work
        add r8d, 0x4000
        inc r9d
        cmp r9d, 4
        jb switch_next
        dec r13d
        jnz switch_turn
        dec r12d
        jnz switch_round
        mov rax, rbx
        ret

; Sieve of Eratosthenes over 4 MiB of bytes; counts primes.
main:
        mov r8d, 0x400000
        mov r10d, edi
        xor r11d, r11d
sieve_round:
        mov rdi, r8
        mov ecx, 0x400000 / 8
        mov rax, 0x0101010101010101
        rep stosq
        mov ecx, 2
sieve_next:
        cmp byte [r8+rcx], 0
        je sieve_skip
        mov edx, ecx
        imul rdx, rcx
        cmp rdx, 0x400000
        jae sieve_skip
sieve_mark:
        mov byte [r8+rdx], 0
        add rdx, rcx
        cmp rdx, 0x400000
        jb sieve_mark
sieve_skip:
        inc ecx
        cmp ecx, 2048
        jb sieve_next
        xor ecx, ecx
        xor eax, eax
sieve_count:
        movzx edx, byte [r8+rcx]
        add eax, edx
        inc ecx
        cmp ecx, 0x400000
        jb sieve_count
        add r11d, eax
        dec r10d
        jnz sieve_round
        mov eax, r11d
        ret

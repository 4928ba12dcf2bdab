; VM exits: a loop of CPUID, whose answers are added up.
main:
        xor r8d, r8d
exits_round:
        mov r9d, 1000
exits_next:
        xor eax, eax
        cpuid
        add r8d, ebx
        dec r9d
        jnz exits_next
        dec edi
        jnz exits_round
        mov eax, r8d
        ret

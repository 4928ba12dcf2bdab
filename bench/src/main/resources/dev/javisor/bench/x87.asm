; x87: a logistic map, a continued square root and a division, with loads, stores and comparisons.
main:
        fninit
        mov r8d, 0x400000
        mov dword [r8], 39
        mov dword [r8+4], 10
        mov dword [r8+8], 1000000
        fild dword [r8]
        fidiv dword [r8+4]
        fstp qword [r8+16]
        fld1
        fidiv dword [r8+4]
        xor eax, eax
x87_round:
        mov ecx, 1000
x87_next:
        ; x = r * x * (1 - x)
        fld1
        fsub st0, st1
        fmulp st1, st0
        fmul qword [r8+16]
        ; y = sqrt(x + y / 3), kept as an extended real
        fld tword [r8+32]
        fidiv dword [r8+4]
        fadd st0, st1
        fsqrt
        fstp tword [r8+32]
        ; z counts how often x is above one half
        fld1
        fadd st0, st0
        fld1
        fdivrp st1, st0
        fcomip st0, st1
        adc rax, 0
        fld st0
        fimul dword [r8+8]
        fistp qword [r8+48]
        add rax, [r8+48]
        dec ecx
        jnz x87_next
        dec edi
        jnz x87_round
        fstp st0
        add rax, [r8+32]
        ret

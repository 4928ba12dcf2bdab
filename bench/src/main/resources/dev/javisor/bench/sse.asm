; SSE: packed integers, packed and scalar double and single precision over an array of 1024 vectors.
main:
        mov r8d, 0x400000
        xor ecx, ecx
        mov eax, 12345
sse_fill:
        imul eax, eax, 1664525
        add eax, 1013904223
        mov [r8+rcx*4], eax
        inc ecx
        cmp ecx, 4096
        jb sse_fill
        pxor xmm8, xmm8
        pxor xmm9, xmm9
        xorpd xmm10, xmm10
        mov eax, 3
        cvtsi2sd xmm11, eax
        unpcklpd xmm11, xmm11
        mov eax, 1
        cvtsi2ss xmm12, eax
sse_round:
        xor ecx, ecx
sse_next:
        movdqa xmm0, [r8+rcx]
        movdqu xmm1, [r8+rcx+4]
        movdqa xmm2, xmm0
        paddd xmm2, xmm1
        pmuludq xmm1, xmm0
        pshufd xmm3, xmm2, 0x4E
        pxor xmm3, xmm1
        psrlq xmm1, 13
        pmaddwd xmm2, xmm0
        punpckldq xmm0, xmm3
        paddq xmm8, xmm1
        pcmpgtd xmm3, xmm2
        pand xmm3, xmm0
        paddb xmm9, xmm3
        psubw xmm9, xmm2
        movd eax, xmm0
        and eax, 0xFFFF
        cvtsi2sd xmm4, eax
        cvtdq2pd xmm5, xmm2
        addsd xmm4, xmm11
        sqrtsd xmm6, xmm4
        unpcklpd xmm6, xmm4
        divpd xmm5, xmm6
        mulpd xmm5, xmm11
        addpd xmm10, xmm5
        cvtsd2ss xmm7, xmm6
        mulss xmm7, xmm7
        addss xmm12, xmm7
        ucomisd xmm10, xmm11
        jp sse_end
        add ecx, 16
        cmp ecx, 16000
        jb sse_next
        dec edi
        jnz sse_round
sse_end:
        paddq xmm8, xmm9
        movdqa xmm0, xmm8
        psrldq xmm0, 8
        pxor xmm8, xmm0
        movq rax, xmm8
        movq rdx, xmm10
        add rax, rdx
        unpckhpd xmm10, xmm10
        movq rdx, xmm10
        add rax, rdx
        movd edx, xmm12
        add rax, rdx
        ret

; CRC-32 of 16 KiB, byte by byte through a table.
main:
        mov r8d, table32
        xor ecx, ecx
crc_entry:
        mov eax, ecx
        mov edx, 8
crc_bit:
        mov esi, eax
        shr eax, 1
        and esi, 1
        neg esi
        and esi, 0xEDB88320
        xor eax, esi
        dec edx
        jnz crc_bit
        mov [r8+rcx*4], eax
        inc ecx
        cmp ecx, 256
        jb crc_entry
        mov r9d, 0x400000
        xor ecx, ecx
crc_fill:
        imul eax, ecx, 1103515245
        shr eax, 16
        mov [r9+rcx], al
        inc ecx
        cmp ecx, 16384
        jb crc_fill
        mov eax, -1
crc_round:
        xor ecx, ecx
crc_byte:
        movzx edx, byte [r9+rcx]
        xor dl, al
        shr eax, 8
        xor eax, [r8+rdx*4]
        inc rcx
        cmp rcx, 16384
        jb crc_byte
        dec edi
        jnz crc_round
        ret
table32 equ 0x3F0000

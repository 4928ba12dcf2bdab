; A hypervisor: `virtual` runs `main` in a guest whose memory is mapped one to one by EPT, with 4-KiB pages. CPUID exits.
EPT equ 0x40000
OPERATION equ 0x64000
CONTROL equ 0x65000
MSR_BITMAP equ 0x66000
GUEST_STACK equ 0x8F000
virtual:
        push rdi
        mov rax, cr4
        or eax, 0x2000          ; VMXE
        mov cr4, rax
        mov edi, EPT
        mov ecx, (MSR_BITMAP + 0x1000 - EPT) / 8
        xor eax, eax
        cld
        rep stosq
        mov dword [EPT], EPT + 0x1007
        mov dword [EPT + 0x1000], EPT + 0x2007
        mov edi, EPT + 0x2000
        mov eax, EPT + 0x3007
        mov ecx, 32
ept_directory:
        mov [rdi], rax
        add eax, 0x1000
        add edi, 8
        dec ecx
        jnz ept_directory
        mov edi, EPT + 0x3000
        mov eax, 0x37           ; all rights, write-back
        mov ecx, 32 * 512
ept_table:
        mov [rdi], rax
        add eax, 0x1000
        add edi, 8
        dec ecx
        jnz ept_table
        mov ecx, 0x480
        rdmsr
        and eax, 0x7FFFFFFF
        mov [OPERATION], eax
        mov [CONTROL], eax
        vmxon [operation]
        vmclear [control]
        vmptrld [control]
        mov esi, fields
field:
        mov edx, [rsi]
        mov eax, [rsi+4]
        vmwrite rdx, rax
        add esi, 8
        cmp esi, fields_end
        jb field
        mov rax, cr0
        mov edx, 0x6800
        vmwrite rdx, rax
        mov edx, 0x6C00
        vmwrite rdx, rax
        mov rax, cr3
        mov edx, 0x6802
        vmwrite rdx, rax
        mov edx, 0x6C02
        vmwrite rdx, rax
        mov rax, cr4
        mov edx, 0x6804
        vmwrite rdx, rax
        mov edx, 0x6C04
        vmwrite rdx, rax
        mov edx, 0x2800         ; no VMCS link pointer
        or rax, -1
        vmwrite rdx, rax
        pop rdi
        mov edx, 0x6C14
        vmwrite rdx, rsp
        xor eax, eax
        xor ecx, ecx
        xor edx, edx
        xor esi, esi
        vmlaunch
        ; the entry failed
        or rax, -1
        ret
in_guest:
        call main
        vmcall
vm_exit:
        push rax
        push rdx
        mov edx, 0x4402
        vmread rax, rdx
        cmp eax, 10
        jne vm_end
        push rbx
        mov edx, 0x440C
        vmread rax, rdx
        mov edx, 0x681E
        vmread rbx, rdx
        add rbx, rax
        vmwrite rdx, rbx
        pop rbx
        pop rdx
        pop rax
        cpuid
        vmresume
vm_end:
        pop rdx
        pop rax
        ret
align 8
operation:
        dq OPERATION
control:
        dq CONTROL
; encoding and value
fields:
        ; controls: MSR bitmaps, EPT, IA-32e mode on both sides
        dd 0x4000, 0x16, 0x4002, 0x94006172, 0x401E, 2, 0x400C, 0x36FFB, 0x4012, 0x13FB
        dd 0x2004, MSR_BITMAP, 0x201A, EPT + 0x5E
        ; the guest's segments
        dd 0x800, 16, 0x802, 8, 0x804, 16, 0x806, 16, 0x808, 16, 0x80A, 16, 0x80E, 0x30
        dd 0x4800, -1, 0x4802, -1, 0x4804, -1, 0x4806, -1, 0x4808, -1, 0x480A, -1, 0x480E, 0x67, 0x4810, 63, 0x4812, 0xFFF
        dd 0x4814, 0xC093, 0x4816, 0xA09B, 0x4818, 0xC093, 0x481A, 0xC093, 0x481C, 0xC093, 0x481E, 0xC093, 0x4820, 0x10000, 0x4822, 0x8B
        dd 0x6816, gdt, 0x681A, 0x400, 0x681C, GUEST_STACK, 0x681E, in_guest, 0x6820, 2
        ; the host
        dd 0xC00, 16, 0xC02, 8, 0xC04, 16, 0xC06, 16, 0xC0C, 0x30, 0x6C0C, gdt, 0x6C16, vm_exit
fields_end:

; Runs instructions on the host's processor: a Linux program without any library. Its one argument is a file that is shared with who
; started it: the data pages, then cases, then results. Each eight bytes on standard input are a number of cases to run; they come back
; on standard output when the results are there. Layout: NativeHost.

bits 64
default rel

        jmp     save                    ; COMPLETED

start:
        mov     rdi, [rsp+16]           ; argv[1]
        mov     eax, 2                  ; open
        mov     esi, 2                  ; O_RDWR
        xor     edx, edx
        syscall
        test    rax, rax
        js      fail
        mov     r8, rax
        mov     r12, rax

        mov     edi, WINDOW_BOTH        ; both pages may be written
        mov     esi, 0x2000
        mov     edx, 3
        xor     r9d, r9d
        call    map
        mov     edi, WINDOW_FIRST       ; the second page is absent
        mov     esi, 0x1000
        mov     edx, 3
        xor     r9d, r9d
        call    map
        mov     edi, WINDOW_READ        ; the second page can only be read
        mov     esi, 0x2000
        mov     edx, 3
        xor     r9d, r9d
        call    map
        mov     edi, WINDOW_READ+0x1000
        mov     esi, 0x1000
        mov     edx, 1
        mov     eax, 10                 ; mprotect
        syscall
        test    rax, rax
        js      fail
        mov     edi, CASES
        mov     esi, FILE_SIZE-0x2000
        mov     edx, 3
        mov     r9d, 0x2000
        call    map
        mov     edi, CODE_PAGE          ; private and executable
        mov     esi, 0x1000
        mov     edx, 7
        mov     r10d, 0x32
        mov     r8, -1
        xor     r9d, r9d
        call    map_as

        mov     edi, CODE_PAGE          ; INT3 everywhere
        mov     ecx, 0x1000
        mov     al, 0xCC
        rep stosb

        xor     edi, edi                ; wherever the system likes: above 4 GBytes
        mov     esi, SIGNAL_STACK_SIZE
        mov     edx, 3
        mov     r10d, 0x22
        mov     r8, -1
        xor     r9d, r9d
        call    map_as
        mov     [altstack], rax

        mov     eax, 131                ; sigaltstack
        lea     rdi, [altstack]
        xor     esi, esi
        syscall
        test    rax, rax
        js      fail
        mov     edi, 4                  ; SIGILL
        call    catch
        mov     edi, 5                  ; SIGTRAP
        call    catch
        mov     edi, 7                  ; SIGBUS
        call    catch
        mov     edi, 8                  ; SIGFPE
        call    catch
        mov     edi, 11                 ; SIGSEGV
        call    catch

        mov     edi, 0x1002             ; ARCH_SET_FS
        mov     esi, FS_BASE
        mov     eax, 158                ; arch_prctl
        syscall
        mov     edi, 0x1001             ; ARCH_SET_GS
        mov     esi, GS_BASE
        mov     eax, 158
        syscall
        mov     eax, 0x2B
        mov     ds, eax
        mov     es, eax

batch:  xor     eax, eax                ; read
        xor     edi, edi
        lea     rsi, [count]
        mov     edx, 8
        syscall
        cmp     rax, 8
        jne     done
        mov     eax, 37                 ; alarm: whatever happens, this process ends
        mov     edi, PATIENCE
        syscall
        mov     qword [done_cases], 0
next:   mov     rax, [done_cases]
        mov     esi, CASES+PROGRESS
        mov     [rsi], rax
        cmp     rax, [count]
        jae     report
        imul    rsi, rax, CASE_SIZE
        add     rsi, CASES
        lea     rdi, [case]             ; registers
        mov     ecx, HEADER_SIZE/8
        rep movsq
        mov     edi, CODE_AREA
        mov     ecx, CODE_SIZE/8
        rep movsq
        fxrstor64 [rsi]
        add     rsi, 512
        mov     edi, WINDOW_BOTH+WINDOW_OFFSET
        mov     ecx, WINDOW_SIZE/8
        rep movsq
        mov     esi, WINDOW_READ+0x1000 ; in the page tables, even if nobody has read it
        mov     al, [rsi]
        mov     qword [result_trap], -1
        mov     qword [running], 1
        lea     rsp, [case_flags]
        popfq
        mov     rax, [case]
        mov     rcx, [case+8]
        mov     rdx, [case+16]
        mov     rbx, [case+24]
        mov     rsp, [case+32]
        mov     rbp, [case+40]
        mov     rsi, [case+48]
        mov     rdi, [case+56]
        mov     r8, [case+64]
        mov     r9, [case+72]
        mov     r10, [case+80]
        mov     r11, [case+88]
        mov     r12, [case+96]
        mov     r13, [case+104]
        mov     r14, [case+112]
        mov     r15, [case+120]
        jmp     far [case_entry]

        align   16
save:   mov     [result], rax
        mov     [result+8], rcx
        mov     [result+16], rdx
        mov     [result+24], rbx
        mov     [result+32], rsp
        mov     [result+40], rbp
        mov     [result+48], rsi
        mov     [result+56], rdi
        mov     [result+64], r8
        mov     [result+72], r9
        mov     [result+80], r10
        mov     [result+88], r11
        mov     [result+96], r12
        mov     [result+104], r13
        mov     [result+112], r14
        mov     [result+120], r15
        lea     rsp, [stack_top]
        pushfq
        pop     qword [result_flags]
        push    2
        popfq
        mov     qword [running], 0
        fxsave64 [result_x87]
        fninit
        mov     rax, [done_cases]
        imul    rdi, rax, RESULT_SIZE
        add     rdi, CASES+RESULTS
        lea     rsi, [result]
        mov     ecx, RESULT_HEADER/8+64
        rep movsq
        mov     esi, WINDOW_BOTH+WINDOW_OFFSET
        mov     ecx, WINDOW_SIZE/8
        rep movsq
        inc     qword [done_cases]
        jmp     next

report: mov     eax, 37                 ; alarm
        xor     edi, edi
        syscall
        mov     eax, 1                  ; write
        mov     edi, 1
        lea     rsi, [count]
        mov     edx, 8
        syscall
        jmp     batch

done:   xor     edi, edi
        mov     eax, 60                 ; exit
        syscall
fail:   mov     edi, 1
        mov     eax, 60
        syscall

; Shared mapping of the file r12, of rsi bytes from offset r9, at rdi.
map:    mov     r8, r12
        mov     r10d, 0x11              ; MAP_SHARED | MAP_FIXED
map_as: mov     eax, 9                  ; mmap
        syscall
        test    rax, rax
        js      fail
        ret

catch:  mov     eax, 13                 ; rt_sigaction
        lea     rsi, [action]
        xor     edx, edx
        mov     r10d, 8
        syscall
        test    rax, rax
        js      fail
        ret

; The instruction raised an exception: notes what the kernel says about it, and goes on behind the instruction as if it had not.
; rdx: ucontext; general registers from 40 on.
handler:
        mov     rax, [rdx+40+8*16]      ; RIP
        mov     [result_rip], rax
        mov     rcx, [rdx+40+8*20]      ; trap number
        cmp     qword [running], 1
        jne     lost
        mov     qword [running], 2
        mov     [result_trap], rcx
        mov     rax, [rdx+40+8*19]
        mov     [result_error], rax
        mov     rax, [rdx+40+8*22]
        mov     [result_cr2], rax
        mov     rax, [rdx+40+8*17]
        mov     [result_fault_flags], rax
        and     rax, -257               ; TF
        mov     [rdx+40+8*17], rax
        lea     rax, [save]
        mov     [rdx+40+8*16], rax
        mov     word [rdx+40+8*18], 0x33
        ret
lost:   mov     edi, 2
        mov     eax, 60
        syscall

restorer:
        mov     eax, 15                 ; rt_sigreturn
        syscall

        align   16
action: dq      handler, 0x4C000004, restorer, 0   ; SA_SIGINFO | SA_RESTORER | SA_ONSTACK | SA_NODEFER
; The system delivers no signal, and ends the process, when RSP is in this stack already, too close to its end. Random operands of
; 32 bits would meet it in the runner's own segment.
altstack:
        dq      0, 0, SIGNAL_STACK_SIZE
count:  dq      0
done_cases:
        dq      0
running:
        dq      0
        align   64
case:   resb    128
case_flags:
        dq      0
case_entry:
        dq      0, 0
        resb    HEADER_SIZE-152
        align   64
result: resb    128
result_flags:
        dq      0
result_trap:
        dq      0
result_error:
        dq      0
result_cr2:
        dq      0
result_rip:
        dq      0
result_fault_flags:
        dq      0
        resb    RESULT_HEADER-176
result_x87:
        resb    512
        align   16
        resb    4096
stack_top:
        dq      0

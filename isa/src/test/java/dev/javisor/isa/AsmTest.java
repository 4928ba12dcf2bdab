package dev.javisor.isa;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@DisplayName("The assembler")
class AsmTest {
    private static String assemble(CodeSize mode, String... text) {
        return InstructionTableTest.hex(Asm.assemble(mode, 0x1000, text));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "BITS64 | mov eax, 5 | b805000000", "BITS64 | mov rax, -1 | 48c7c0ffffffff", "BITS64 | mov rax, 0xffffffff | 48b8ffffffff00000000",
        "BITS64 | add rax, 127 | 4883c07f", "BITS64 | add rax, 128 | 480580000000", "BITS64 | add eax, 0xfffffffe | 83c0fe",
        "BITS64 | xchg eax, eax | 87c0", "BITS64 | test ecx, [rax] | 8508", "BITS64 | imul ecx, 3 | 6bc903", "BITS64 | faddp | dec1",
        "BITS64 | pblendvb xmm1, xmm2 | 660f3810ca", "BITS64 | movsd | a5", "BITS64 | movsd xmm1, xmm2 | f20f10ca",
        "BITS64 | mov eax, [rax+rsp] | 8b0404", "BITS64 | mov eax, [rip+0x10] | 8b0510000000",
        "BITS64 | mov eax, [rel 0x1010] | 8b050a000000",
        "BITS64 | mov eax, fs:[0x28] | 648b042528000000", "BITS64 | mov al, [0x1122334455667788] | a08877665544332211",
        "BITS64 | push qword 5 | 6a05", "BITS64 | push word 5 | 666a05", "BITS64 | mov ds, eax | 8ed8", "BITS64 | jnz $+4 | 7502",
        "BITS32 | jmp 0x08:0x1000 | ea001000000800", "BITS16 | jmp dword 0x08:0x10 | 66ea100000000800", "BITS16 | jmp far [bx] | ff2f",
        "BITS16 | jmp far dword [bx] | 66ff2f", "BITS16 | mov eax, [0x12345] | 6766a145230100", "BITS32 | pushf | 9c",
        "BITS16 | pushfd | 669c",
        "BITS64 | o16 lgdt [rax] | 660f0110", "BITS64 | lock cmpxchg [rax], ecx | f00fb108", "BITS64 | rep stosq | f348ab"
    })
    @DisplayName("takes the shortest encoding that says what was written")
    void encodings(CodeSize mode, String text, String expected) {
        assertThat(assemble(mode, text)).isEqualTo(expected);
    }

    @Test
    @DisplayName("resolves labels in both directions and keeps branches short where they fit")
    void labels() {
        assertThat(assemble(CodeSize.BITS64, "start: jmp end", "jmp start", "times 3 nop", "end: call start"))
                .isEqualTo("eb05ebfc909090e8f4ffffff");
        assertThat(assemble(CodeSize.BITS64, "jmp end", "times 127 nop", "end:")).startsWith("eb7f");
        assertThat(assemble(CodeSize.BITS64, "jmp end", "times 128 nop", "end:")).startsWith("e980000000");
        assertThat(assemble(CodeSize.BITS16, "je end", "times 128 nop", "end:")).startsWith("0f848000");
        assertThat(assemble(CodeSize.BITS64, "jmp near end", "end:")).isEqualTo("e900000000");
    }

    @Test
    @DisplayName("keeps local labels to the label before them")
    void localLabels() {
        Asm.Program p = Asm.program(CodeSize.BITS64, 0x1000, """
                first:
                .loop:  jmp .loop
                second:
                .loop:  jmp .loop
                        jmp first.loop
                """);
        assertThat(InstructionTableTest.hex(p.code())).isEqualTo("ebfeebfeebfa");
        assertThat(p.label("second.loop")).isEqualTo(0x1002);
        assertThatThrownBy(() -> p.label("third")).isInstanceOf(IllegalArgumentException.class).hasMessageContaining("third");
    }

    @Test
    @DisplayName("lays out data")
    void data() {
        assertThat(assemble(CodeSize.BITS64, "db 1, -1, \"ab;\", 0 ; comment")).isEqualTo("01ff61623b00");
        assertThat(assemble(CodeSize.BITS64, "dw 0x1234, 'a'", "dd x, 1.5", "x: dq -2.0"))
                .isEqualTo("341261000c1000000000c03f00000000000000c0");
        assertThat(assemble(CodeSize.BITS64, "db 1", "align 4", "db 2", "align 4, db 0", "resw 1", "length equ $ - $$", "db length"))
                .isEqualTo("019090900200000000000a");
        assertThat(assemble(CodeSize.BITS64, "db 1", "org 0x1004", "db 2")).isEqualTo("0100000002");
        assertThat(assemble(CodeSize.BITS64, "times 4-($-$$) db 7")).isEqualTo("07070707");
        assertThat(assemble(CodeSize.BITS64, "dq (1 + 2 * 3) << 4 | 0b11, ~0, 10h, 0ffh, 17 % 5")).isEqualTo(
                "7300000000000000ffffffffffffffff1000000000000000ff000000000000000200000000000000");
    }

    @Test
    @DisplayName("changes the code size within a program")
    void codeSize() {
        assertThat(assemble(CodeSize.BITS16, "mov eax, ecx", "bits 32", "mov eax, ecx", "bits 64", "mov rax, rcx"))
                .isEqualTo("6689c889c84889c8");
    }

    @Test
    @DisplayName("makes bare labels relative to RIP on request")
    void relative() {
        assertThat(assemble(CodeSize.BITS64, "x: mov eax, [x]")).isEqualTo("8b042500100000");
        assertThat(assemble(CodeSize.BITS64, "default rel", "x: mov eax, [x]", "mov eax, [abs x]", "mov eax, [rbx]"))
                .isEqualTo("8b05faffffff" + "8b042500100000" + "8b03");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "frobnicate eax | no such instruction", "mov eax, undefined | undefined symbol", "mov al, 256 | does not fit",
        "mov [rbx], 1 | size of the memory",
        "inc [rbx] | size of the memory", "mov eax, bl | no form", "mov rax, [rbx+rcx+rdx] | too many registers",
        "mov eax, [rbx*3] | scale",
        "mov eax, [ebx+rcx] | address", "mov eax, [rbx | expected ']'", "jmp short $+1000 | too far", "db 'ab | unterminated",
        "times -1 nop | times",
        "lock mov eax, ebx | no form", "aaa | no form", "mov ah, r8b | no form", "add rax, 0x80000000 | sign-extended",
        "mov eax, [bx] | 16 bits",
        "x: x: nop | no such instruction", "mov eax, 5 6 | unexpected"
    })
    @DisplayName("says which line is wrong, and why")
    void errors(String text, String problem) {
        assertThatThrownBy(() -> Asm.assemble(CodeSize.BITS64, 0, "nop", text))
                .isInstanceOf(AssemblyException.class)
                .hasMessageStartingWith("line 2: ")
                .hasMessageContaining(problem)
                .extracting("line").isEqualTo(2);
    }

    @Test
    @DisplayName("refuses a symbol that is defined twice")
    void duplicate() {
        assertThatThrownBy(() -> Asm.assemble(CodeSize.BITS64, 0, "x: nop", "x: nop")).hasMessageContaining("defined twice");
    }
}

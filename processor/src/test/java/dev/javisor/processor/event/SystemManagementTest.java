package dev.javisor.processor.event;

import static dev.javisor.processor.event.Guest.RAX;
import static dev.javisor.processor.event.Guest.RBX;
import static dev.javisor.processor.event.Guest.RCX;
import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.isa.Asm;
import dev.javisor.isa.CodeSize;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;
import org.junit.jupiter.api.Test;

/** "System Management Mode". */
class SystemManagementTest {
    private static final long SMBASE = 0x40000;

    private static Guest guest(String handler, String... text) {
        Guest g = Guest.bits64(text);
        g.c.smbase = SMBASE;
        byte[] code = Asm.assemble(CodeSize.BITS16, 0x8000, handler);
        g.memory.write(SMBASE + 0x8000, code, 0, code.length);
        return g;
    }

    @Test
    void rsmRestoresWhatTheSmiInterrupted() {
        Guest g = guest("mov eax, 0xFFFFFFFF\n mov [0x50000], cs\n inc dword [0x50004]\n mov ds, ax\n rsm", "mov rcx, 0x123456789A",
                "mov ebx, 7", "hlt").flag(Flags.CF);
        g.run(1);
        g.c.request(Cpu.SMI_REQUEST);
        g.run();
        assertThat(g.read(0x50000, 2)).isEqualTo(SMBASE >> 4);
        assertThat(g.read(0x50004, 4)).isEqualTo(1);
        assertThat(g.c.gpr[RCX]).isEqualTo(0x123456789AL);
        assertThat(g.c.gpr[RAX]).isZero();
        assertThat(g.c.gpr[RBX]).isEqualTo(7);
        assertThat(g.c.codeSize64).isTrue();
        assertThat(g.c.inSmm).isFalse();
        assertThat(g.c.rflags & Flags.CF).isNotZero();
    }

    @Test
    void smiAndNmiWaitInsideTheHandler() {
        Guest g = guest("inc dword [0x50004]\n nop\n nop\n rsm", "nop", "nop", "hlt", "v2: inc rbx", "iretq");
        g.run(1);
        g.c.request(Cpu.SMI_REQUEST);
        g.run(3);
        assertThat(g.c.inSmm).isTrue();
        g.c.request(Cpu.SMI_REQUEST);
        g.c.request(Cpu.NMI_REQUEST);
        g.run(1);
        assertThat(g.read(0x50004, 4)).isEqualTo(1);
        assertThat(g.c.gpr[RBX]).isZero();
        g.run();
        assertThat(g.read(0x50004, 4)).isEqualTo(2);
        assertThat(g.c.gpr[RBX]).isEqualTo(1);
    }

    @Test
    void haltIsResumedUnlessTheHandlerSaysOtherwise() {
        Guest g = guest("rsm", "hlt", "mov ebx, 1", "hlt").run();
        g.c.request(Cpu.SMI_REQUEST);
        g.run();
        assertThat(g.c.activity).isEqualTo(Cpu.HLT);
        assertThat(g.c.gpr[RBX]).isZero();
        g = guest("mov byte [cs:0xFEC9], 0\n rsm", "hlt", "mov ebx, 1", "hlt").run();
        g.c.request(Cpu.SMI_REQUEST);
        assertThat(g.run().c.gpr[RBX]).isEqualTo(1);
    }

    @Test
    void smbaseMovesWithTheNextRsm() {
        Guest g = guest("mov dword [cs:0xFF00], 0x30000\n rsm", "nop", "hlt");
        g.run(1);
        g.c.request(Cpu.SMI_REQUEST);
        assertThat(g.run().c.smbase).isEqualTo(0x30000);
    }

    @Test
    void rsmOutsideTheHandlerIsUndefinedAndImpossibleStateShutsDown() {
        Guest g = Guest.bits64("rsm", "v6: mov ebx, 6", "hlt").run();
        assertThat(g.c.gpr[RBX]).isEqualTo(6);
        g = guest("mov dword [cs:0xFF58], 0x80000000\n rsm", "nop", "hlt");
        g.run(1);
        g.c.request(Cpu.SMI_REQUEST);
        assertThat(g.run().c.activity).isEqualTo(Cpu.SHUTDOWN);
        assertThat(g.c.shutdownReason).contains("RSM");
    }
}

package dev.javisor.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.isa.Asm;
import dev.javisor.isa.CodeSize;
import dev.javisor.isa.CpuModels;
import dev.javisor.machine.Machine;
import dev.javisor.machine.MachineConfiguration;
import dev.javisor.machine.MachineExit;
import dev.javisor.machine.Place;
import dev.javisor.machine.boot.ImageFile;
import dev.javisor.processor.execution.Engine;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class LockstepTest {
    private final ByteArrayOutputStream messages = new ByteArrayOutputStream();

    @Test
    void machinesThatAreAlikeRunToTheirEnd() {
        String code = "start: mov ecx, 5000\nagain: add eax, ecx\nxor edx, eax\nloop again\nout 0xF4, eax";
        assertThat(run(Place.METAL, code, code)).isInstanceOf(MachineExit.GuestExit.class);
        assertThat(messages.toString()).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void theFirstDifferenceIsShownWithTheCode(Place place) {
        String code = "start: xor eax, eax\nmov ecx, 5000\nagain: loop again\n%s eax\nagain2: jmp again2";
        assertThat(run(place, code.formatted("inc"), code.formatted("dec"))).isNull();
        assertThat(messages.toString())
                .contains("the engines differ behind instruction 5,000")
                .containsPattern("(?s)compiled: .*rax 0000000000000001.*interpreted: .*rax 00000000ffffffff.*: dec eax");
    }

    private MachineExit run(Place place, String compiled, String interpreted) {
        try (Machine subject = machine(place, compiled, Engine.COMPILER);
                Machine reference = machine(place, interpreted, Engine.INTERPRETER)) {
            return new Lockstep(subject, reference, new PrintStream(messages)).run(1_000_000);
        }
    }

    private static Machine machine(Place place, String code, Engine engine) {
        String header = "header: dd 0x1BADB002, 0x10000, -(0x1BADB002 + 0x10000), header, header, 0, 0, start\n";
        byte[] image = Asm.assemble(CodeSize.BITS32, 0x100000, header + code);
        return new Machine(MachineConfiguration.builder(CpuModels.parse(CpuModels.DEFAULT))
                .memory(4 << 20)
                .kernel(new ImageFile("guest", image))
                .place(place)
                .engine(engine)
                .build());
    }
}

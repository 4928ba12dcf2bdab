package dev.javisor.machine.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.javisor.machine.device.Bench.Probe;
import dev.javisor.processor.bus.InterruptLine;
import dev.javisor.processor.memory.MmioHandler;
import dev.javisor.processor.memory.PhysicalMemory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The small devices: A20 gate, reset ports, debug ports, test device. */
class BoardPortsTest {
    private final Bench bench = new Bench();

    @Test
    void addressLine20PassesWhileEitherSideOpensIt() {
        PhysicalMemory memory = new PhysicalMemory();
        A20Gate gate = new A20Gate(memory);
        new SystemControlPortA(gate.portAInput(), bench).connect(bench.bus);
        gate.reset();
        assertThat(memory.a20()).isTrue();
        gate.keyboardControllerInput().set(false);
        assertThat(memory.a20()).isFalse();
        bench.out(0x92, 2);
        assertThat(memory.a20()).isTrue();
        assertThat(bench.in(0x92)).isEqualTo(2);
        gate.keyboardControllerInput().set(true);
        bench.out(0x92, 0);
        assertThat(memory.a20()).isTrue();
    }

    @Test
    void portAResetsOnARisingEdge() {
        SystemControlPortA port = new SystemControlPortA(InterruptLine.UNCONNECTED, bench);
        port.connect(bench.bus);
        bench.out(0x92, 2);
        assertThat(bench.requests).isEmpty();
        bench.out(0x92, 3);
        bench.out(0x92, 3);
        assertThat(bench.requests).containsExactly("reset");
    }

    @Test
    void theResetControlRegisterResetsOnARisingEdge() {
        new ResetControl(bench).connect(bench.bus);
        bench.out(0xCF9, 2);
        assertThat(bench.requests).isEmpty();
        bench.out(0xCF9, 6);
        bench.out(0xCF9, 6);
        assertThat(bench.requests).containsExactly("reset");
        assertThat(bench.in(0xCF9)).isEqualTo(6);
    }

    @Test
    void theExitPortMakesAnOddStatus() {
        DebugPorts.connectExit(bench.bus, 0xF4, 4, bench);
        bench.bus.out(0xF4, 4, 0);
        bench.bus.out(0xF4, 4, 38);
        bench.out(0xF4, 63);
        assertThat(bench.requests).containsExactly("exit 1", "exit 77", "exit 127");
        assertThatThrownBy(() -> DebugPorts.connectExit(bench.bus, 0xF4, 3, bench)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void theDebugConsoleTellsThatItIsThere() {
        StringBuilder out = new StringBuilder();
        DebugPorts.connectConsole(bench.bus, DebugPorts.CONSOLE, c -> out.append((char) c));
        bench.out(0xE9, 'x');
        assertThat(out).hasToString("x");
        assertThat(bench.in(0xE9)).isEqualTo(0xE9);
        List<Integer> codes = new ArrayList<>();
        DebugPorts.connectPost(bench.bus, codes::add);
        bench.out(0x80, 0x55);
        assertThat(codes).containsExactly(0x55);
    }

    @Test
    void theTestDeviceLatchesDrivesLinesAndFlushes() {
        Probe[] lines = {new Probe(), new Probe(), new Probe()};
        List<Long> flushed = new ArrayList<>();
        TestDevice device = new TestDevice(Arrays.copyOf(lines, 3, InterruptLine[].class), flushed::add);
        device.connect(bench.bus);
        bench.bus.out(0xE0, 4, 0x12345678);
        assertThat(bench.bus.in(0xE0, 4)).isEqualTo(0x12345678);
        assertThat(bench.bus.in(0xE0, 2)).isEqualTo(0x5678);
        bench.out(0xE1, 0xAA);
        assertThat(bench.bus.in(0xE0, 4)).isEqualTo(0x1234AA78);
        assertThat(bench.in(0xE8)).isEqualTo(0x78);
        bench.out(0x2001, 1);
        assertThat(lines[1].level).isTrue();
        assertThat(lines[0].level).isFalse();
        bench.out(0x2001, 0);
        assertThat(lines[1].level).isFalse();
        bench.bus.out(0xE4, 4, 0xFFFF1234);
        assertThat(flushed).containsExactly(0xFFFF1000L);
        MmioHandler memory = device.memory();
        memory.write(0xFFF8, 8, 0x1122334455667788L);
        assertThat(memory.read(0xFFFC, 4)).isEqualTo(0x11223344);
        assertThat(memory.read(0xFFFD, 1)).isEqualTo(0x33);
        TestDevice copy = new TestDevice(new InterruptLine[0], p -> {});
        Bench.copy(device, copy);
        assertThat(copy.memory().read(0xFFF8, 8)).isEqualTo(0x1122334455667788L);
    }
}

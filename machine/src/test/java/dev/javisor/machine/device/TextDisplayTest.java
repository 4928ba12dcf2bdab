package dev.javisor.machine.device;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.processor.bus.IoBus;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.Test;

class TextDisplayTest {
    private final Timeline timeline = new Timeline();
    private final IoBus io = new IoBus();
    private final TextDisplay display = new TextDisplay(timeline);

    TextDisplayTest() {
        display.connect(io);
    }

    private void crtc(int index, int value) {
        io.out(0x3D4, 1, index);
        io.out(0x3D5, 1, value);
    }

    private int crtc(int index) {
        io.out(0x3D4, 1, index);
        return io.in(0x3D5, 1);
    }

    @Test
    void theCursorIsWhereItWasPut() {
        crtc(0xE, 7);
        crtc(0xF, 0xCF);
        assertThat(crtc(0xE)).isEqualTo(7);
        assertThat(crtc(0xF)).isEqualTo(0xCF);
    }

    @Test
    void timingIsProtectedByTheVerticalRetraceEndRegister() {
        crtc(1, 39);
        assertThat(crtc(1)).as("bit 7 of register 11H is set").isEqualTo(79);
        crtc(0x11, 0x0E);
        crtc(1, 39);
        assertThat(crtc(1)).isEqualTo(39);
    }

    @Test
    void readingTheStatusTurnsTheAttributeControllerToItsIndex() {
        io.out(0x3C0, 1, 0x30);
        io.in(0x3DA, 1);
        io.out(0x3C0, 1, 0x31);
        io.out(0x3C0, 1, 0x15);
        assertThat(io.in(0x3C1, 1)).isEqualTo(0x15);
    }

    @Test
    void coloursComeInThrees() {
        io.out(0x3C8, 1, 5);
        for (int i = 1; i <= 6; i++) {
            io.out(0x3C9, 1, i);
        }
        io.out(0x3C7, 1, 6);
        assertThat(io.in(0x3C9, 1) + 10 * io.in(0x3C9, 1) + 100 * io.in(0x3C9, 1)).isEqualTo(654);
    }

    @Test
    void theVerticalRetraceComesAndGoes() {
        boolean seen = false;
        boolean unseen = false;
        for (int i = 0; i < 10_000 && !(seen && unseen); i++) {
            timeline.setTime(timeline.now() + Timeline.FREQUENCY / 100_000);
            boolean retrace = (io.in(0x3DA, 1) & 8) != 0;
            seen |= retrace;
            unseen |= !retrace;
        }
        assertThat(seen && unseen).isTrue();
    }

    @Test
    void theTextIsReadFromWhereTheScreenStarts() {
        try (Arena arena = Arena.ofConfined()) {
            PhysicalMemory memory = new PhysicalMemory();
            memory.addRam(0, arena.allocate(1 << 20, 4096));
            TextDisplay.clear(memory);
            memory.write(0xB8000 + 2 * 83, 2, 0x0741);
            assertThat(display.text(memory)).hasSize(25).startsWith("", "   A", "");
            crtc(0xD, 80);
            assertThat(display.text(memory)).startsWith("   A");
        }
    }

    @Test
    void stateIsComplete() {
        crtc(0xF, 0x12);
        io.out(0x3C0, 1, 0x33);
        io.out(0x3C8, 1, 9);
        StateOutput out = new StateOutput();
        display.save(out);
        display.reset();
        display.load(new StateInput(out.toByteArray()));
        StateOutput again = new StateOutput();
        display.save(again);
        assertThat(again.toByteArray()).isEqualTo(out.toByteArray());
        assertThat(crtc(0xF)).isEqualTo(0x12);
    }
}

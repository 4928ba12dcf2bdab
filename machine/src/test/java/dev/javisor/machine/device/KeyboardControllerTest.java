package dev.javisor.machine.device;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.machine.device.Bench.Probe;
import org.junit.jupiter.api.Test;

class KeyboardControllerTest {
    private static final int OUTPUT_FULL = 1;
    private static final int AUX_OUTPUT = 0x20;

    private final Bench bench = new Bench();
    private final Probe irq1 = new Probe();
    private final Probe irq12 = new Probe();
    private final Probe a20 = new Probe();
    private final Ps2Keyboard keyboard = new Ps2Keyboard();
    private final Ps2Mouse mouse = new Ps2Mouse();
    private final KeyboardController controller = new KeyboardController(irq1, irq12, a20, bench, keyboard, mouse);

    KeyboardControllerTest() {
        controller.connect(bench.bus);
        controller.reset();
    }

    private int status() {
        return bench.in(0x64);
    }

    private int command(int value) {
        bench.out(0x64, value);
        return read();
    }

    private int read() {
        assertThat(status() & OUTPUT_FULL).as("something to read").isNotZero();
        return bench.in(0x60);
    }

    private int keyboard(int value) {
        bench.out(0x60, value);
        return read();
    }

    private int mouse(int value) {
        bench.out(0x64, 0xD4);
        bench.out(0x60, value);
        assertThat(status() & AUX_OUTPUT).isNotZero();
        return read();
    }

    private void commandByte(int value) {
        bench.out(0x64, 0x60);
        bench.out(0x60, value);
    }

    @Test
    void selfTestsPass() {
        assertThat(command(0xAA)).isEqualTo(0x55);
        assertThat(command(0xAB)).isZero();
        assertThat(command(0xA9)).isZero();
        assertThat(status() & 4).as("system flag").isNotZero();
    }

    @Test
    void theCommandByteIsKept() {
        commandByte(0x36);
        assertThat(command(0x20)).isEqualTo(0x36);
        bench.out(0x64, 0xA8);
        assertThat(command(0x20)).isEqualTo(0x16);
        bench.out(0x64, 0xAE);
        assertThat(command(0x20)).isEqualTo(0x06);
        bench.out(0x64, 0xA7);
        bench.out(0x64, 0xAD);
        assertThat(command(0x20)).isEqualTo(0x36);
    }

    @Test
    void theAuxiliaryLoopReturnsTheByte() {
        commandByte(0x03);
        bench.out(0x64, 0xD3);
        bench.out(0x60, 0x5A);
        assertThat(irq12.level).isTrue();
        assertThat(irq1.level).isFalse();
        assertThat(status() & (OUTPUT_FULL | AUX_OUTPUT)).isEqualTo(OUTPUT_FULL | AUX_OUTPUT);
        assertThat(read()).isEqualTo(0x5A);
        assertThat(irq12.level).isFalse();
    }

    @Test
    void theKeyboardAnswersItsProbe() {
        commandByte(0x05);
        assertThat(keyboard(0xF2)).isEqualTo(0xFA);
        assertThat(read()).isEqualTo(0xAB);
        assertThat(read()).isEqualTo(0x83);
        assertThat(keyboard(0xFF)).isEqualTo(0xFA);
        assertThat(read()).isEqualTo(0xAA);
        assertThat(keyboard(0xED)).isEqualTo(0xFA);
        assertThat(keyboard(0x02)).isEqualTo(0xFA);
        assertThat(keyboard.leds()).isEqualTo(2);
        assertThat(keyboard(0xEE)).isEqualTo(0xEE);
        assertThat(keyboard(0x42)).as("no command").isEqualTo(0xFE);
        assertThat(status() & OUTPUT_FULL).isZero();
    }

    @Test
    void keysInterruptOneByOne() {
        commandByte(0x45);
        keyboard.key(0x1C);
        keyboard.key(0xF0, 0x1C);
        assertThat(irq1.edges).isEqualTo(1);
        assertThat(read()).as("A in set 1").isEqualTo(0x1E);
        assertThat(irq1.edges).isEqualTo(2);
        assertThat(read()).as("its release").isEqualTo(0x9E);
        assertThat(status() & OUTPUT_FULL).isZero();
        commandByte(0x05);
        keyboard.key(0xF0, 0x1C);
        assertThat(read()).isEqualTo(0xF0);
        assertThat(read()).isEqualTo(0x1C);
    }

    @Test
    void aDisabledKeyboardWaits() {
        commandByte(0x55);
        keyboard.key(0x1C);
        assertThat(status() & OUTPUT_FULL).isZero();
        bench.out(0x64, 0xAE);
        assertThat(read()).isEqualTo(0x1E);
        keyboard(0xF5);
        keyboard.key(0x1C);
        assertThat(status() & OUTPUT_FULL).as("scanning is disabled").isZero();
    }

    @Test
    void theMouseReportsMovement() {
        commandByte(0x47);
        assertThat(mouse(0xFF)).isEqualTo(0xFA);
        assertThat(read()).isEqualTo(0xAA);
        assertThat(read()).isZero();
        mouse.move(1, 1, 0);
        assertThat(status() & OUTPUT_FULL).as("not enabled").isZero();
        assertThat(mouse(0xF4)).isEqualTo(0xFA);
        mouse.move(4, -3, 1);
        assertThat(irq12.level).isTrue();
        assertThat(read()).isEqualTo(0x29);
        assertThat(read()).isEqualTo(5);
        assertThat(read()).isEqualTo(0xFE);
    }

    @Test
    void withoutAMouseNobodyAnswers() {
        Bench other = new Bench();
        new KeyboardController(irq1, irq12, a20, other, new Ps2Keyboard(), null).connect(other.bus);
        other.out(0x64, 0xA9);
        assertThat(other.in(0x60)).isNotZero();
        other.out(0x64, 0xD4);
        other.out(0x60, 0xF2);
        assertThat(other.in(0x60)).isEqualTo(0xFE);
    }

    @Test
    void theOutputPortHasA20AndReset() {
        assertThat(a20.level).isTrue();
        bench.out(0x64, 0xDD);
        assertThat(a20.level).isFalse();
        bench.out(0x64, 0xD1);
        bench.out(0x60, 0xDF);
        assertThat(a20.level).isTrue();
        assertThat(command(0xD0) & 3).isEqualTo(3);
        bench.out(0x64, 0xFF);
        assertThat(bench.requests).isEmpty();
        bench.out(0x64, 0xFE);
        assertThat(bench.requests).containsExactly("reset");
    }

    @Test
    void aCopyGoesOnAsTheOriginal() {
        commandByte(0x47);
        mouse(0xF4);
        keyboard.key(0xE0, 0x75);
        bench.out(0x60, 0xED);
        KeyboardController copy =
                new KeyboardController(new Probe(), new Probe(), new Probe(), bench, new Ps2Keyboard(), new Ps2Mouse());
        Bench.copy(controller, copy);
        assertThat(Bench.saved(copy)).isEqualTo(Bench.saved(controller));
        copy.connect(bench.bus);
        assertThat(read()).isEqualTo(0xE0);
        assertThat(read()).as("the acknowledgement took the place of the rest of the key").isEqualTo(0xFA);
    }
}

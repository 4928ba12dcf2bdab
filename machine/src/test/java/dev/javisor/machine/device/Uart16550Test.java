package dev.javisor.machine.device;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.machine.device.Bench.Probe;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class Uart16550Test {
    private static final int COM1 = 0x3F8;
    private static final int DATA = 0;
    private static final int IER = 1;
    private static final int IIR = 2;
    private static final int LCR = 3;
    private static final int MCR = 4;
    private static final int LSR = 5;
    private static final int MSR = 6;

    private final Bench bench = new Bench();
    private final Probe irq = new Probe();
    private final StringBuilder sent = new StringBuilder();
    private final Uart16550 uart = new Uart16550(bench.timeline, irq, c -> sent.append((char) c));

    @BeforeEach
    void connect() {
        uart.connect(bench.bus, COM1);
        write(MCR, 8);
    }

    private int read(int register) {
        return bench.in(COM1 + register);
    }

    private void write(int register, int value) {
        bench.out(COM1 + register, value);
    }

    private void receive(String s) {
        uart.receive(s.getBytes(StandardCharsets.US_ASCII));
    }

    @Test
    void charactersAreSentAtOnce() {
        write(DATA, 'h');
        write(DATA, 'i');
        assertThat(sent).hasToString("hi");
        assertThat(read(LSR)).isEqualTo(0x60);
    }

    @Test
    void theDivisorLatchHidesDataAndInterruptEnable() {
        write(IER, 5);
        write(LCR, 0x83);
        write(DATA, 0x34);
        write(IER, 0x12);
        assertThat(read(DATA)).isEqualTo(0x34);
        assertThat(read(IER)).isEqualTo(0x12);
        write(LCR, 3);
        assertThat(read(IER)).isEqualTo(5);
        assertThat(sent).isEmpty();
    }

    @Test
    void scratchKeepsAndUnusedBitsReadZero() {
        write(7, 0xA5);
        write(IER, 0xFF);
        write(MCR, 0xFF);
        assertThat(read(7)).isEqualTo(0xA5);
        assertThat(read(IER)).isEqualTo(0x0F);
        assertThat(read(MCR)).isEqualTo(0x1F);
    }

    @Test
    void fifosShowInTheInterruptIdentification() {
        assertThat(read(IIR)).isEqualTo(1);
        write(IIR, 1);
        assertThat(read(IIR)).isEqualTo(0xC1);
        write(IIR, 0);
        assertThat(read(IIR)).isEqualTo(1);
    }

    @Test
    void enablingTheTransmitterInterruptRaisesIt() {
        write(IER, 2);
        assertThat(irq.level).isTrue();
        assertThat(read(IIR)).isEqualTo(2);
        assertThat(irq.level).as("reading the cause takes it away").isFalse();
        assertThat(read(IIR)).isEqualTo(1);
        int before = irq.edges;
        write(DATA, 'x');
        write(DATA, 'y');
        assertThat(irq.edges - before).as("each write empties the register anew").isEqualTo(2);
        write(IER, 0);
        assertThat(irq.level).isFalse();
        write(IER, 2);
        assertThat(read(IIR)).isEqualTo(2);
    }

    @Test
    void onlyLoopbackDisconnectsTheInterrupt() {
        write(MCR, 0x10);
        write(IER, 2);
        assertThat(irq.level).isFalse();
        write(MCR, 0);
        assertThat(irq.level).as("without OUT2").isTrue();
    }

    @Test
    void receivedDataWithoutFifos() {
        write(IER, 1);
        receive("ab");
        assertThat(irq.level).isTrue();
        assertThat(read(IIR)).isEqualTo(4);
        assertThat(read(DATA)).isEqualTo('a');
        assertThat(read(LSR) & 3).as("the next one has moved up, none was overrun").isEqualTo(1);
        assertThat(read(DATA)).isEqualTo('b');
        assertThat(irq.level).isFalse();
        assertThat(read(LSR) & 1).isZero();
    }

    @Test
    void theTriggerLevelAndTheCharacterTimeout() {
        write(LCR, 3);
        write(IIR, 0x81);
        write(IER, 1);
        receive("1234567");
        assertThat(irq.level).as("below eight").isFalse();
        // Four characters of ten bits at 9600 baud.
        bench.passMicroseconds(4160);
        assertThat(irq.level).isFalse();
        bench.passMicroseconds(10);
        assertThat(read(IIR)).isEqualTo(0xCC);
        assertThat(read(DATA)).isEqualTo('1');
        assertThat(irq.level).isFalse();
        receive("89");
        assertThat(read(IIR)).isEqualTo(0xC4);
    }

    @Test
    void inputBeyondTheFifoWaitsOutside() {
        write(IIR, 1);
        String text = "0123456789abcdefghijklmnopqrstuvwxyz";
        receive(text);
        StringBuilder got = new StringBuilder();
        while ((read(LSR) & 1) != 0) {
            got.append((char) read(DATA));
        }
        assertThat(got).hasToString(text);
        assertThat(read(LSR) & 2).isZero();
    }

    @Test
    void clearingTheReceiverFifoEmptiesIt() {
        write(IIR, 1);
        receive("abc");
        write(IIR, 3);
        assertThat(read(LSR) & 1).isZero();
    }

    @Test
    void loopbackReturnsDataAndModemControl() {
        write(MCR, 0x10);
        read(MSR);
        write(MCR, 0x1A);
        assertThat(read(MSR)).as("RTS to CTS and OUT2 to DCD, both changed").isEqualTo(0x99);
        assertThat(read(MSR)).isEqualTo(0x90);
        write(DATA, 'L');
        assertThat(sent).isEmpty();
        assertThat(read(DATA)).isEqualTo('L');
        write(DATA, '1');
        write(DATA, '2');
        assertThat(read(LSR) & 2).as("overrun").isEqualTo(2);
        assertThat(read(LSR) & 2).isZero();
        assertThat(read(DATA)).isEqualTo('2');
    }

    @Test
    void lineStatusComesFirst() {
        write(MCR, 0x10);
        write(IER, 0xF);
        write(DATA, 1);
        write(DATA, 2);
        assertThat(read(IIR)).isEqualTo(6);
        read(LSR);
        assertThat(read(IIR)).isEqualTo(4);
        read(DATA);
        assertThat(read(IIR)).isEqualTo(2);
        assertThat(read(IIR)).isEqualTo(0);
        read(MSR);
        assertThat(read(IIR)).isEqualTo(1);
    }

    @Test
    void theModemIsThere() {
        assertThat(read(MSR) & 0xF0).isEqualTo(0xB0);
    }

    @Test
    void aCopyGoesOnAsTheOriginal() {
        write(IIR, 0x81);
        write(IER, 1);
        receive("123456789012345678901234");
        read(DATA);
        Bench second = bench.second();
        Uart16550 copy = new Uart16550(second.timeline, new Probe(), c -> {});
        Bench.copy(uart, copy);
        assertThat(Bench.saved(copy)).isEqualTo(Bench.saved(uart));
        for (int i = 1; i < 24; i++) {
            assertThat(copy.read(0, 1)).isEqualTo(uart.read(0, 1)).isNotZero();
        }
    }
}

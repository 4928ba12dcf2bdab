package dev.javisor.processor.bus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class IoBusTest {
    private final IoBus bus = new IoBus();
    private final List<String> log = new ArrayList<>();

    private PortDevice device(String name, int width, int value) {
        return new PortDevice() {
            @Override
            public int read(int offset, int size) {
                log.add(name + " r" + size + " " + offset);
                return value;
            }

            @Override
            public void write(int offset, int size, int v) {
                log.add(name + " w" + size + " " + offset + " " + Integer.toHexString(v));
            }

            @Override
            public int width() {
                return width;
            }
        };
    }

    @Test
    void portsThatNobodyDecodesReadAsOnes() {
        assertThat(bus.in(0x300, 1)).isEqualTo(0xFF);
        assertThat(bus.in(0x300, 4)).isEqualTo(-1);
        bus.out(0x300, 4, 5);
    }

    @Test
    void aWideAccessIsSplitForANarrowDevice() {
        bus.register(0x70, 2, device("a", 1, 0x1AB));
        assertThat(bus.in(0x70, 2)).isEqualTo(0xABAB);
        bus.out(0x70, 2, 0x1234);
        assertThat(log).containsExactly("a r1 0", "a r1 1", "a w1 0 34", "a w1 1 12");
    }

    @Test
    void aWideDeviceGetsTheAccessWhole() {
        bus.register(0xCF8, 8, device("pci", 4, 0x11223344));
        assertThat(bus.in(0xCFC, 4)).isEqualTo(0x11223344);
        assertThat(bus.in(0xCFC, 2)).isEqualTo(0x3344);
        assertThat(log).containsExactly("pci r4 4", "pci r2 4");
    }

    @Test
    void anAccessBeyondTheEndOfARangeIsSplit() {
        bus.register(0x510, 2, device("a", 2, 0x55));
        assertThat(bus.in(0x511, 2)).isEqualTo(0xFF55);
        assertThat(bus.in(0x510, 4)).isEqualTo(0xFFFF0055);
    }

    @Test
    void aLaterDeviceLiesOverAnEarlierOneUntilItGoes() {
        bus.register(0xCF8, 8, device("pci", 4, 0));
        IoBus.Range over = bus.register(0xCF9, 1, device("reset", 1, 0));
        bus.out(0xCF8, 4, 7);
        bus.out(0xCF9, 1, 6);
        bus.unregister(over);
        bus.unregister(over);
        bus.out(0xCF9, 1, 5);
        assertThat(log).containsExactly("pci w4 0 7", "reset w1 0 6", "pci w1 1 5");
    }

    @Test
    void theHighestPortWrapsToTheLowest() {
        bus.register(0xFFFF, 1, device("top", 1, 0));
        bus.register(0, 1, device("bottom", 1, 0));
        bus.out(0xFFFF, 2, 0x0201);
        assertThat(log).containsExactly("top w1 0 1", "bottom w1 0 2");
    }

    @Test
    void aRangeOutsideTheSpaceIsRefused() {
        assertThatThrownBy(() -> bus.register(0xFFFF, 2, device("x", 1, 0))).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> bus.register(0x10, 0, device("x", 1, 0))).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void aSharedLineIsActiveWhileAnySourceDrivesIt() {
        List<Boolean> levels = new ArrayList<>();
        SharedLine line = new SharedLine(levels::add);
        InterruptLine a = line.source();
        InterruptLine b = line.source();
        a.set(true);
        b.set(true);
        a.set(false);
        b.set(false);
        assertThat(levels).containsExactly(true, false);
    }
}

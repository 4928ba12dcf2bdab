package dev.javisor.machine.virtio;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class StreamDevicesTest {
    private static final long VERSION_1 = 1L << 32, BUFFER = 0x40000;

    private static byte[] entropy(long seed) {
        Driver d = new Driver(new EntropyDevice(seed)).start(VERSION_1);
        d.descriptor(0, 0, BUFFER, 64, Driver.WRITE, -1);
        d.submit(0, 0);
        assertThat(d.completed(0)).isEqualTo(64);
        byte[] b = new byte[64];
        d.slot.memory.read(BUFFER, b, 0, 64);
        return b;
    }

    @Test
    void equalSeedsGiveEqualEntropy() {
        assertThat(entropy(1)).isEqualTo(entropy(1)).isNotEqualTo(entropy(2));
        assertThat(Arrays.equals(entropy(1), new byte[64])).isFalse();
    }

    @Test
    void consolePrintsWhatTheGuestSends() {
        StringBuilder screen = new StringBuilder();
        Driver d = new Driver(new ConsoleDevice(c -> screen.append((char) c))).start(VERSION_1);
        d.slot.memory.write(BUFFER, 4, 'h' | 'o' << 8 | 'i' << 16);
        d.descriptor(1, 0, BUFFER, 1, 0, 1);
        d.descriptor(1, 1, BUFFER + 1, 2, 0, -1);
        d.submit(1, 0);
        assertThat(screen).hasToString("hoi");
        assertThat(d.completed(1)).isZero();
    }

    @Test
    void consoleTakesInputOnlyWhenTheGuestHasABuffer() {
        ConsoleDevice console = new ConsoleDevice(c -> {});
        Driver d = new Driver(console).start(VERSION_1);
        assertThat(console.room()).isZero();
        console.receive('x');
        d.descriptor(0, 0, BUFFER, 16, Driver.WRITE, -1);
        d.submit(0, 0);
        assertThat(console.room()).isEqualTo(1);
        console.receive('y');
        assertThat(d.completed(0)).isEqualTo(1);
        assertThat(d.slot.memory.read(BUFFER, 1)).isEqualTo('y');
        assertThat(console.room()).isZero();
    }
}

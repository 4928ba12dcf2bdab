package dev.javisor.machine.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.javisor.processor.memory.PhysicalMemory;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class FirmwareConfigTest {
    private final Bench bench = new Bench();
    private final PhysicalMemory memory = new PhysicalMemory();
    private final FirmwareConfig config = new FirmwareConfig(memory);

    FirmwareConfigTest() {
        config.connect(bench.bus);
        memory.addRam(0, Arena.ofAuto().allocate(0x10000, 4096));
    }

    private byte[] read(int key, int count) {
        bench.bus.out(0x510, 2, key);
        byte[] b = new byte[count];
        for (int i = 0; i < count; i++) {
            b[i] = (byte) bench.in(0x511);
        }
        return b;
    }

    private int dma(int control, int length, long address) {
        byte[] d = ByteBuffer.allocate(16).putInt(control).putInt(length).putLong(address).array();
        memory.write(0x1000, d, 0, d.length);
        bench.bus.out(0x514, 4, 0);
        bench.bus.out(0x518, 4, Integer.reverseBytes(0x1000));
        return Integer.reverseBytes((int) memory.read(0x1000, 4));
    }

    @Test
    void theSignatureAndTheInterfaces() {
        assertThat(new String(read(0, 4), StandardCharsets.US_ASCII)).isEqualTo("QEMU");
        assertThat(read(1, 4)).containsExactly(3, 0, 0, 0);
        assertThat(bench.bus.in(0x514, 4)).isEqualTo(Integer.reverseBytes(0x51454D55));
        assertThat(bench.bus.in(0x518, 4)).isEqualTo(Integer.reverseBytes(0x20434647));
    }

    @Test
    void numbersAreLittleEndianAndZerosFollow() {
        config.putShort(FirmwareConfig.NB_CPUS, 0x0102);
        config.putLong(FirmwareConfig.RAM_SIZE, 0x8000_0000L);
        assertThat(read(FirmwareConfig.NB_CPUS, 4)).containsExactly(2, 1, 0, 0);
        assertThat(read(FirmwareConfig.RAM_SIZE, 8)).containsExactly(0, 0, 0, 0x80, 0, 0, 0, 0);
        assertThat(read(0x7777, 2)).containsExactly(0, 0);
    }

    @Test
    void filesAreInTheDirectory() {
        config.addFile("etc/one", new byte[] {11});
        config.addFile("etc/two", new byte[] {21, 22});
        ByteBuffer d = ByteBuffer.wrap(read(0x19, 4 + 2 * 64));
        assertThat(d.getInt()).isEqualTo(2);
        d.position(4 + 64);
        assertThat(d.getInt()).isEqualTo(2);
        int key = d.getShort();
        d.getShort();
        byte[] name = new byte[56];
        d.get(name);
        assertThat(new String(name, StandardCharsets.US_ASCII).trim()).isEqualTo("etc/two");
        assertThat(read(key, 2)).containsExactly(21, 22);
        assertThatThrownBy(() -> config.addFile("etc/one", new byte[0])).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void directMemoryAccessSelectsSkipsAndReads() {
        config.put(0x30, new byte[] {1, 2, 3, 4});
        memory.write(0x2000, 8, -1L);
        assertThat(dma(0x30 << 16 | 8 | 4, 1, 0)).isZero();
        assertThat(dma(2, 5, 0x2000)).isZero();
        assertThat(memory.read(0x2000, 8)).as("zeros follow the item").isEqualTo(0xFFFFFF00_00040302L);
    }

    @Test
    void itemsCannotBeWritten() {
        config.put(0x30, new byte[] {1, 2});
        assertThat(dma(0x30 << 16 | 8 | 16, 2, 0x2000)).isEqualTo(1);
        assertThat(read(0x30, 2)).containsExactly(1, 2);
    }

    @Test
    void aTransferOfFourGigabytesBeyondMemoryTakesNoTime() {
        memory.write(0x2000, 8, -1L);
        assertTimeoutPreemptively(Duration.ofSeconds(10), () -> assertThat(dma(0x7777 << 16 | 8 | 2, -1, 0x2000)).isZero());
        assertThat(memory.read(0x2000, 8)).isZero();
    }
}

package dev.javisor.machine.virtio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.javisor.machine.boot.BadImageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BlockDeviceTest {
    private static final long VERSION_1 = 1L << 32, READ_ONLY = 1 << 5;
    private static final int SECTORS = 64;
    private static final int IN = 0, OUT = 1, FLUSH = 4, GET_ID = 8;
    private static final int OK = 0, IO_ERROR = 1, UNSUPPORTED = 2;
    private static final long HEADER = 0x30000, DATA = 0x40000, STATUS = 0x38000;

    @TempDir
    private Path folder;

    private final List<String> warnings = new ArrayList<>();
    private Drive drive;

    private Path image() throws IOException {
        byte[] content = new byte[SECTORS * 512];
        for (int i = 0; i < content.length; i++) {
            content[i] = (byte) (i / 512);
        }
        return Files.write(folder.resolve("disk"), content);
    }

    private Driver driver(boolean readOnly) throws IOException {
        drive = Drive.open(image().toString(), readOnly, warnings::add);
        return new Driver(new BlockDevice(drive, 0)).start(VERSION_1);
    }

    @AfterEach
    void close() {
        if (drive != null) {
            drive.close();
        }
    }

    /** Does a request with {@code length} bytes of data; returns its status. */
    private static long request(Driver d, int type, long sector, int length) {
        d.slot.memory.write(HEADER, 8, type);
        d.slot.memory.write(HEADER + 8, 8, sector);
        d.slot.memory.write(STATUS, 1, 0xEE);
        d.descriptor(0, 0, HEADER, 16, 0, length == 0 ? 2 : 1);
        d.descriptor(0, 1, DATA, length, type == OUT ? 0 : Driver.WRITE, 2);
        d.descriptor(0, 2, STATUS, 1, Driver.WRITE, -1);
        d.submit(0, 0);
        return d.slot.memory.read(STATUS, 1);
    }

    @Test
    void tellsItsCapacity() throws IOException {
        Driver d = driver(false);
        assertThat(d.configuration(0, 8)).isEqualTo(SECTORS);
        assertThat(d.configuration(20, 4)).as("block size").isEqualTo(512);
    }

    @Test
    void readsSectors() throws IOException {
        Driver d = driver(true);
        assertThat(request(d, IN, 5, 1024)).isEqualTo(OK);
        assertThat(d.slot.memory.read(DATA, 1)).isEqualTo(5);
        assertThat(d.slot.memory.read(DATA + 1023, 1)).isEqualTo(6);
        assertThat(d.completed(0)).isEqualTo(1025);
        assertThat(d.slot.intx).isTrue();
        assertThat(d.isr()).isEqualTo(1);
        assertThat(d.slot.intx).as("reading the interrupt status acknowledges").isFalse();
    }

    @Test
    void writesOnlyWhatTheGuestWrites() throws IOException {
        Driver d = driver(false);
        d.slot.memory.write(DATA, 8, 0x1122334455667788L);
        byte[] before = Files.readAllBytes(folder.resolve("disk"));
        assertThat(request(d, OUT, 7, 512)).isEqualTo(OK);
        assertThat(request(d, FLUSH, 0, 0)).isEqualTo(OK);
        byte[] after = Files.readAllBytes(folder.resolve("disk"));
        assertThat(after[7 * 512]).isEqualTo((byte) 0x88);
        Arrays.fill(before, 7 * 512, 8 * 512, (byte) 0);
        Arrays.fill(after, 7 * 512, 8 * 512, (byte) 0);
        assertThat(after).isEqualTo(before);
    }

    @Test
    void aReadOnlyDriveIsOfferedAsSuchAndNeverWritten() throws IOException {
        Driver d = driver(true);
        assertThat(d.features() & READ_ONLY).isEqualTo(READ_ONLY);
        byte[] before = Files.readAllBytes(folder.resolve("disk"));
        assertThat(request(d, OUT, 7, 512)).isEqualTo(IO_ERROR);
        assertThat(Files.readAllBytes(folder.resolve("disk"))).isEqualTo(before);
    }

    @Test
    void requestsBeyondTheEndAreErrors() throws IOException {
        Driver d = driver(false);
        assertThat(request(d, IN, SECTORS, 512)).isEqualTo(IO_ERROR);
        assertThat(request(d, IN, SECTORS - 1, 1024)).isEqualTo(IO_ERROR);
        assertThat(request(d, OUT, -1, 512)).isEqualTo(IO_ERROR);
        assertThat(request(d, OUT, 1L << 62, 512)).isEqualTo(IO_ERROR);
        assertThat(request(d, IN, 0, 100)).as("part of a sector").isEqualTo(IO_ERROR);
        assertThat(Files.size(folder.resolve("disk"))).isEqualTo(SECTORS * 512);
    }

    @Test
    void tellsItsSerialNumber() throws IOException {
        Driver d = driver(true);
        assertThat(request(d, GET_ID, 0, 20)).isEqualTo(OK);
        assertThat((char) d.slot.memory.read(DATA, 1)).isEqualTo('j');
        assertThat(request(d, 99, 0, 0)).isEqualTo(UNSUPPORTED);
    }

    @Test
    void followsIndirectDescriptors() throws IOException {
        Driver d = driver(true);
        d.slot.memory.write(HEADER, 8, IN);
        d.slot.memory.write(HEADER + 8, 8, 9);
        long table = 0x50000;
        writeDescriptor(d, table, HEADER, 16, Driver.NEXT, 1);
        writeDescriptor(d, table + 16, DATA, 512, Driver.NEXT | Driver.WRITE, 2);
        writeDescriptor(d, table + 32, STATUS, 1, Driver.WRITE, 0);
        d.descriptor(0, 0, table, 48, Driver.INDIRECT, -1);
        d.submit(0, 0);
        assertThat(d.slot.memory.read(DATA, 1)).isEqualTo(9);
    }

    private static void writeDescriptor(Driver d, long at, long address, int length, int flags, int next) {
        d.slot.memory.write(at, 8, address);
        d.slot.memory.write(at + 8, 4, length);
        d.slot.memory.write(at + 12, 2, flags);
        d.slot.memory.write(at + 14, 2, next);
    }

    @Test
    void aChainWithoutEndBreaksTheDevice() throws IOException {
        Driver d = driver(true);
        d.descriptor(0, 0, HEADER, 16, 0, 0);
        d.submit(0, 0);
        assertThat(d.status() & Driver.NEEDS_RESET).isEqualTo(Driver.NEEDS_RESET);
        assertThat(d.completed(0)).isEqualTo(-1);
        d.start(VERSION_1);
        assertThat(d.status()).as("a reset heals").isEqualTo(Driver.DRIVER_OK);
    }

    @Test
    void aDescriptorOutsideOfTheTableBreaksTheDevice() throws IOException {
        Driver d = driver(true);
        d.submit(0, 200);
        assertThat(d.status() & Driver.NEEDS_RESET).isEqualTo(Driver.NEEDS_RESET);
    }

    @Test
    void buffersOutsideOfMemoryTakeNothingAndGiveOnes() throws IOException {
        Driver d = driver(false);
        d.slot.memory.write(HEADER, 8, OUT);
        d.slot.memory.write(HEADER + 8, 8, 3);
        d.descriptor(0, 0, HEADER, 16, 0, 1);
        d.descriptor(0, 1, d.slot.bar(4), 512, 0, 2);
        d.descriptor(0, 2, STATUS, 1, Driver.WRITE, -1);
        d.submit(0, 0);
        assertThat(d.slot.memory.read(STATUS, 1)).isEqualTo(OK);
        assertThat(Files.readAllBytes(folder.resolve("disk"))[3 * 512]).isEqualTo((byte) 0xFF);
    }

    @Test
    void featuresThatAreNotOfferedAreRefused() throws IOException {
        Driver d = driver(true);
        d.start(VERSION_1 | 1L << 60);
        assertThat(d.status() & 8).as("FEATURES_OK").isZero();
        d.start(0);
        assertThat(d.status() & 8).as("a legacy driver").isZero();
    }

    @Test
    void nothingHappensBeforeTheDriverIsReady() throws IOException {
        Driver d = driver(true);
        d.common(0x14, 1, 0);
        assertThat(request(d, IN, 5, 512)).isEqualTo(0xEE);
    }

    @Test
    void usesMessagesWhenTheGuestEnabledThem() throws IOException {
        Driver d = driver(true);
        int msix = d.slot.capability(0x11, 0);
        long table = d.slot.bar(1);
        d.slot.memory.write(table + 16, 4, 0xFEE00000L);
        d.slot.memory.write(table + 24, 4, 0x51);
        d.slot.write(msix + 2, 2, 0x8000);
        d.common(0x16, 2, 0);
        d.common(0x1A, 2, 1);
        request(d, IN, 0, 512);
        assertThat(d.slot.messages).as("masked").isEmpty();
        assertThat(d.slot.memory.read(table + 2048, 8)).as("pending").isEqualTo(2);
        d.slot.memory.write(table + 28, 4, 0);
        assertThat(d.slot.messages).hasSize(1).allMatch(m -> m.data() == 0x51);
        request(d, IN, 0, 512);
        assertThat(d.slot.messages).hasSize(2);
        assertThat(d.slot.intx).isFalse();
    }

    @Test
    void aVectorThatDoesNotExistIsNotTaken() throws IOException {
        Driver d = driver(true);
        d.common(0x10, 2, 7);
        assertThat(d.common(0x10, 2)).isEqualTo(0xFFFF);
    }

    @Test
    void oneMachineWritesAnImageAtATime() throws IOException {
        Path image = image();
        try (Drive first = Drive.open(image.toString(), false, warnings::add)) {
            assertThat(first.sectors()).isEqualTo(SECTORS);
            assertThatThrownBy(() -> Drive.open(image.toString(), false, warnings::add))
                    .isInstanceOf(BadImageException.class)
                    .hasMessageContaining("in use");
        }
    }

    @Test
    void whatIsWrittenToASnapshotOnlyItSees() throws IOException {
        Path image = image();
        byte[] before = Files.readAllBytes(image);
        byte[] all = new byte[before.length];
        byte[] some = new byte[3 * 512];
        Arrays.fill(some, (byte) 0xA5);
        try (Drive one = Drive.open(image.toString(), Drive.Access.SNAPSHOT, warnings::add);
                Drive other = Drive.open(image.toString(), Drive.Access.SNAPSHOT, warnings::add)) {
            assertThat(one.readOnly()).isFalse();
            assertThat(one.write(7 * 512, some, some.length)).as("across two blocks").isTrue();
            assertThat(one.write(before.length - 512, some, 512)).as("the last sector").isTrue();
            assertThat(one.flush()).isTrue();
            assertThat(one.read(0, all, all.length)).isTrue();
            byte[] expected = before.clone();
            System.arraycopy(some, 0, expected, 7 * 512, some.length);
            System.arraycopy(some, 0, expected, before.length - 512, 512);
            assertThat(all).isEqualTo(expected);
            assertThat(other.read(0, all, all.length)).isTrue();
            assertThat(all).isEqualTo(before);
        }
        assertThat(image).hasBinaryContent(before);
        assertThat(warnings).isEmpty();
    }

    @Test
    void whatIsNoDiskImageIsRefused() throws IOException {
        Path odd = Files.write(folder.resolve("odd"), new byte[1000]);
        for (String name : List.of(odd.toString(), folder.resolve("missing").toString(), folder.toString())) {
            assertThatThrownBy(() -> Drive.open(name, true, warnings::add))
                    .isInstanceOf(BadImageException.class)
                    .hasMessageStartingWith(name + ": ");
        }
    }

    @Test
    void anImageThatBecomesShorterGivesErrorsAndOneWarning() throws IOException {
        Driver d = driver(true);
        Files.write(folder.resolve("disk"), new byte[512]);
        assertThat(request(d, IN, 5, 512)).isEqualTo(IO_ERROR);
        assertThat(request(d, IN, 6, 512)).isEqualTo(IO_ERROR);
        assertThat(warnings).hasSize(1);
    }
}

package dev.javisor.machine.boot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Whatever a file contains, it is loaded or refused with one line. */
class BrokenImageTest {
    private static final long MEGABYTE = 1L << 20;

    private static Stream<byte[]> images() {
        return Stream.of(
                Images.bzImage(3),
                Images.multibootElf(4 * MEGABYTE),
                Images.multibootByAddresses(0x200000, 0x201000),
                Images.elf(true, 16 * MEGABYTE, 16 * MEGABYTE, Images.pvhNote(0x1000020)),
                Images.elf(true, 16 * MEGABYTE, 16 * MEGABYTE, null),
                Images.elf(false, 16 * MEGABYTE, 16 * MEGABYTE, null));
    }

    /** Refuses with one line that names the file, or loads; nothing else. */
    private static boolean isLoaded(Images machine, byte[] bytes) {
        try {
            BootImage.of(new ImageFile("kernel", bytes)).load(machine.context("quiet", null));
            return true;
        } catch (BadImageException e) {
            assertThat(e.getMessage()).startsWith("kernel: ").doesNotContain("\n");
            return false;
        }
    }

    @ParameterizedTest
    @MethodSource("images")
    void truncatedImagesAreRefused(byte[] image) {
        Images machine = new Images(64 * MEGABYTE);
        int needed = image.length == 256 ? 48 : image.length == 512 ? 0x40 : 0x264;
        for (int length = 0; length < image.length; length++) {
            boolean loaded = isLoaded(machine, Arrays.copyOf(image, length));
            if (length < needed) {
                assertThat(loaded).as("first %d bytes", length).isFalse();
            }
        }
    }

    @ParameterizedTest
    @MethodSource("images")
    void damagedImagesAreLoadedOrRefused(byte[] image) {
        long seed = Long.getLong("javisor.seed", System.nanoTime());
        SplittableRandom random = new SplittableRandom(seed);
        Images machine = new Images(64 * MEGABYTE);
        for (int round = 0; round < 3000; round++) {
            byte[] damaged = image.clone();
            for (int n = random.nextInt(1, 8); n > 0; n--) {
                int at = random.nextInt(Math.min(damaged.length, 0x280));
                damaged[at] = random.nextBoolean() ? (byte) random.nextInt() : (byte) (random.nextBoolean() ? 0xFF : 0x7F);
            }
            try {
                isLoaded(machine, damaged);
            } catch (RuntimeException e) {
                fail("seed %d, round %d".formatted(seed, round), e);
            }
        }
    }

    @Test
    void foreignFilesAreRefused() {
        SplittableRandom random = new SplittableRandom(1);
        Images machine = new Images(64 * MEGABYTE);
        for (int size : new int[] {0, 1, 3, 511, 512, 4096, 100_000}) {
            byte[] noise = new byte[size];
            random.nextBytes(noise);
            assertThat(isLoaded(machine, noise)).isFalse();
        }
    }

    @Test
    void anElfFileForAnotherProcessorIsNamedAsSuch() {
        byte[] elf = Images.elf(true, 16 * MEGABYTE, 16 * MEGABYTE, null);
        elf[18] = (byte) 183;
        assertThatThrownBy(() -> BootImage.of(new ImageFile("kernel", elf)))
                .isInstanceOf(BadImageException.class)
                .hasMessageContaining("another processor");
    }

    @Test
    void aKernelThatLiesOutsideOfMemoryIsRefused() {
        Images machine = new Images(64 * MEGABYTE);
        assertThat(isLoaded(machine, Images.elf(true, 64 * MEGABYTE - 4095, 64 * MEGABYTE - 4095, null))).isFalse();
        assertThat(isLoaded(machine, Images.elf(true, 0xA0000, 0xA0000, null))).isFalse();
        assertThat(isLoaded(machine, Images.multibootByAddresses(0xFFFFFF00, 0))).isFalse();
    }
}

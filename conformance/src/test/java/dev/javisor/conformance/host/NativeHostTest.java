package dev.javisor.conformance.host;

import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NativeHostTest {
    private static final short UD2 = 0x0B0F, MOV_ESP_EAX = (short) 0xC489, SYSCALL = 0x050F;
    private static final long INVALID_OPCODE = 6;
    private static final int EXIT = 60;

    private NativeHost host;

    @BeforeEach
    void start() throws IOException {
        assumeTrue(NativeHost.isAvailable(), "not applicable: the host is not Linux on x86-64");
        host = new NativeHost();
    }

    @AfterEach
    void stop() throws IOException {
        if (host != null) {
            host.close();
        }
    }

    private MemorySegment input(int index, int selector, short code, long rsp) {
        MemorySegment in = host.input(index);
        in.fill((byte) 0);
        in.set(JAVA_LONG_UNALIGNED, 0, EXIT);
        in.set(JAVA_LONG_UNALIGNED, 32, rsp);
        in.set(JAVA_LONG_UNALIGNED, Layout.FLAGS, 2);
        in.set(JAVA_LONG_UNALIGNED, Layout.CASE_ENTRY, (long) selector << 32 | Layout.ENTRY);
        int at = Layout.CASE_CODE + Layout.CODE_OFFSET;
        in.set(JAVA_SHORT_UNALIGNED, at, code);
        InstanceGenerator.tail(in, at + 2, Layout.ENTRY + 2, selector == Layout.CODE64_SELECTOR);
        return in;
    }

    @ParameterizedTest
    @ValueSource(ints = {Layout.CODE64_SELECTOR, Layout.CODE32_SELECTOR})
    void exceptionsAreReportedWhereverTheStackPointerIs(int selector) throws IOException {
        long[] areas = {Layout.LOAD_ADDRESS, Layout.LOAD_ADDRESS + 0x10000, Layout.CASES, Layout.CODE_PAGE, 0, 0xFFFF_8000L};
        for (long area : areas) {
            for (int k = 0; k < Layout.BATCH; k++) {
                input(k, selector, UD2, area + 128L * k);
            }
            host.run(Layout.BATCH);
            for (int k = 0; k < Layout.BATCH; k++) {
                long trap = host.result(k).get(JAVA_LONG_UNALIGNED, Layout.RESULT_TRAP);
                assertThat(trap).as("RSP %x", area + 128L * k).isEqualTo(INVALID_OPCODE);
            }
        }
    }

    @Test
    void aLostRunnerIsReportedWithItsCaseAndReplaced() throws IOException {
        input(0, Layout.CODE64_SELECTOR, UD2, 0);
        input(1, Layout.CODE64_SELECTOR, SYSCALL, 0);
        assertThatThrownBy(() -> host.run(2))
                .isInstanceOfSatisfying(NativeHost.Lost.class, e -> assertThat(e.index).isEqualTo(1));
        assertThatThrownBy(() -> host.run(2)).isInstanceOf(NativeHost.Lost.class);
        host.restart();
        input(1, Layout.CODE64_SELECTOR, MOV_ESP_EAX, 0);
        host.run(2);
        assertThat(host.result(1).get(JAVA_LONG_UNALIGNED, 32)).isEqualTo(EXIT);
    }
}

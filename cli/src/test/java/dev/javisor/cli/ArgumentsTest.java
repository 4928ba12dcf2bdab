package dev.javisor.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ArgumentsTest {
    @ParameterizedTest
    @CsvSource({"512M,536870912", "4G,4294967296", "2048K,2097152", "128,134217728", "1g,1073741824", "64MB,67108864"})
    void sizes(String text, long bytes) {
        assertThat(Sizes.parse(text, 20)).isEqualTo(bytes);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "M", "-1", "0", "1.5G", "9999999999T", "12Q", "0x10"})
    void noSizes(String text) {
        assertThatThrownBy(() -> Sizes.parse(text, 20)).isInstanceOf(UserException.class);
    }

    @Test
    void escapeSequences() {
        assertThat(Escapes.decode("a\\n\\r\\t\\e\\0\\\\\\x7fé")).isEqualTo("a\n\r\t\033\0\\\177é".getBytes(StandardCharsets.UTF_8));
    }

    @ParameterizedTest
    @ValueSource(strings = {"\\", "\\q", "\\x", "\\x1", "\\xgg"})
    void noEscapeSequences(String text) {
        assertThatThrownBy(() -> Escapes.decode(text)).isInstanceOf(UserException.class);
    }
}

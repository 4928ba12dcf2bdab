package dev.javisor.machine.console;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ScriptTest {
    private final List<String> typed = new ArrayList<>();

    private Script script(String... steps) {
        Script s = new Script();
        for (int i = 0; i < steps.length; i += 2) {
            s.sendAfter(steps[i].getBytes(StandardCharsets.UTF_8), steps[i + 1].getBytes(StandardCharsets.UTF_8));
        }
        s.start(text -> typed.add(new String(text, StandardCharsets.UTF_8)));
        return s;
    }

    private static void print(Script s, String text) {
        for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
            s.write(b & 0xFF);
        }
    }

    @Test
    void typesWhenThePatternIsComplete() {
        Script s = script("login:", "root\n");
        print(s, "debian login");
        assertThat(typed).isEmpty();
        print(s, ": ");
        assertThat(typed).containsExactly("root\n");
        print(s, "login:");
        assertThat(typed).as("once").hasSize(1);
        assertThat(s.isDone()).isTrue();
    }

    @Test
    void findsAPatternThatOverlapsItsOwnFalseStart() {
        Script s = script("aab", "x");
        print(s, "aaab");
        assertThat(typed).containsExactly("x");
    }

    @Test
    void findsPatternsOfBytesAboveAscii() {
        Script s = script("grün", "x");
        print(s, "grün");
        assertThat(typed).containsExactly("x");
    }

    @Test
    void aStepLooksOnlyAtWhatFollowsTheStepBefore() {
        Script s = script("# ", "one", "# ", "two");
        print(s, "# ");
        assertThat(typed).containsExactly("one");
        print(s, "# ");
        assertThat(typed).containsExactly("one", "two");
    }

    @Test
    void anEmptyPatternIsThereFromTheStart() {
        script("", "a", "", "b", "x", "c");
        assertThat(typed).containsExactly("a", "b");
    }
}

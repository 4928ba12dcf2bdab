package dev.javisor.processor.core;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.processor.core.Timeline.Deadline;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class TimelineTest {
    private static final String[] NAMES = {"a", "b", "c", "late"};

    private final Timeline timeline = new Timeline();
    private final List<String> ran = new ArrayList<>();
    private final List<Deadline> deadlines = new ArrayList<>();

    TimelineTest() {
        for (String name : NAMES) {
            deadlines.add(new Deadline(() -> ran.add(name)));
        }
    }

    @Test
    void deadlinesOfOneTimeRunInTheOrderOfTheirScheduling() {
        schedule(2, 0, 1);
        timeline.pass(10);
        assertThat(ran).containsExactly("c", "a", "b");
    }

    @Test
    void restoredDeadlinesKeepTheirOrderAndComeBeforeNewOnes() {
        schedule(2, 0, 1);
        StateOutput saved = new StateOutput();
        deadlines.forEach(d -> d.save(saved, "deadline"));

        TimelineTest other = new TimelineTest();
        other.schedule(3);
        StateInput in = new StateInput(saved.toByteArray());
        other.deadlines.forEach(d -> d.load(other.timeline, in, "deadline"));
        assertThat(other.deadlines.get(3).isScheduled()).isFalse();
        other.schedule(3);
        other.timeline.pass(10);
        assertThat(other.ran).containsExactly("c", "a", "b", "late");
    }

    private void schedule(int... which) {
        for (int i : which) {
            timeline.schedule(deadlines.get(i), 5);
        }
    }
}

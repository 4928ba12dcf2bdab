package dev.javisor.machine;

import dev.javisor.hypervisor.Vm;
import dev.javisor.hypervisor.memory.PageSource;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import dev.javisor.processor.state.Stateful;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * Guest memory as if a host had swapped it out: each page comes some time after the guest has wanted it for the first time. A host that
 * is short of memory takes it away again.
 */
final class SlowMemory implements PageSource, Stateful {
    private record Coming(long page, long when) {}

    private final Vm vm;
    private final Timeline timeline;
    private final long delay;
    private final int room;
    private final Runnable stop;
    private final Timeline.Deadline deadline = new Timeline.Deadline(this::bring);
    private final BitSet there = new BitSet();
    /** How many pages are there. */
    private int present;
    /** In the order in which they come. */
    private final List<Coming> coming = new ArrayList<>();

    /**
     * @param delay in ticks, at least 1
     * @param room pages after which all are taken away
     * @param stop ends the turn of the processor that runs, so that they are at once
     */
    SlowMemory(Vm vm, Timeline timeline, long delay, int room, Runnable stop) {
        this.vm = vm;
        this.timeline = timeline;
        this.delay = delay;
        this.room = room;
        this.stop = stop;
    }

    private static int number(long page) {
        return (int) (page >>> 12);
    }

    @Override
    public boolean request(long page) {
        if (there.get(number(page))) {
            return true;
        }
        if (coming.stream().noneMatch(c -> c.page == page)) {
            coming.add(new Coming(page, timeline.now() + delay));
            schedule();
        }
        return false;
    }

    private void schedule() {
        if (!coming.isEmpty() && !deadline.isScheduled()) {
            timeline.schedule(deadline, coming.getFirst().when);
        }
    }

    private void bring() {
        while (!coming.isEmpty() && coming.getFirst().when <= timeline.now()) {
            long page = coming.removeFirst().page;
            there.set(number(page));
            present++;
            vm.pageArrived(page);
        }
        schedule();
        if (present > room) {
            stop.run();
        }
    }

    /** Takes all pages away when there are too many. To be called before a turn. */
    void makeRoom() {
        if (present > room) {
            there.clear();
            present = 0;
            vm.setPageSource(this);
        }
    }

    @Override
    public void save(StateOutput out) {
        long[] pages = there.toLongArray();
        out.putInt("words", pages.length);
        out.putLongs("there", pages);
        out.putInt("coming", coming.size());
        out.putLongs("coming pages", coming.stream().mapToLong(Coming::page).toArray());
        out.putLongs("coming times", coming.stream().mapToLong(Coming::when).toArray());
    }

    @Override
    public void load(StateInput in) {
        long[] pages = new long[in.getInt("words")];
        in.getLongs("there", pages);
        there.clear();
        there.or(BitSet.valueOf(pages));
        present = there.cardinality();
        int n = in.getInt("coming");
        long[] page = new long[n];
        long[] when = new long[n];
        in.getLongs("coming pages", page);
        in.getLongs("coming times", when);
        coming.clear();
        for (int i = 0; i < n; i++) {
            coming.add(new Coming(page[i], when[i]));
        }
        timeline.cancel(deadline);
        schedule();
    }
}

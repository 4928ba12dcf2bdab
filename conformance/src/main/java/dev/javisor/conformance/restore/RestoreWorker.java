package dev.javisor.conformance.restore;

import dev.javisor.conformance.restore.Subjects.Subject;
import dev.javisor.machine.Machine;
import dev.javisor.machine.Place;
import dev.javisor.processor.execution.Engine;
import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * The other process: reads snapshots from its standard input, makes a fresh machine of each, and runs it up to the time of the next, which
 * it must then be equal to. Says on its standard output what is not, and in its last line how many it has compared, and how
 * many machines it has followed to the end.
 */
final class RestoreWorker {
    /** Ticks by which every delivery has ended. */
    private static final int LATER = 64;

    private final List<Subject> subjects;
    private final Engine engine;
    private int compared;
    private int followed;
    private int failed;

    RestoreWorker(Subjects subjects, Engine engine) {
        this.subjects = subjects.all();
        this.engine = engine;
    }

    /** @return whether all were equal */
    boolean run() throws IOException {
        DataInputStream in = new DataInputStream(new BufferedInputStream(System.in, 1 << 20));
        for (int subject = in.readInt(); subject >= 0; subject = in.readInt()) {
            chain(subjects.get(subject), Place.values()[in.readInt()], in);
        }
        System.out.println(compared + " " + followed);
        return failed == 0;
    }

    private void chain(Subject subject, Place place, DataInputStream in) throws IOException {
        List<Machine> running = new ArrayList<>();
        Snapshot fresh = fresh(subject, place);
        Snapshot s = new Snapshot();
        long time = in.readLong();
        int flags = in.readByte();
        s.read(time, in);
        while ((time = in.readLong()) >= 0) {
            Machine m = subject.machine(place, engine);
            s.restore(m, fresh);
            String difference = s.stateDifference(m);
            if (difference != null) {
                fail(subject, place, s.time, "when it has been restored: " + difference);
            }
            running.addFirst(m);
            boolean toEnd = (flags & Snapshot.TO_END) != 0;
            flags = in.readByte();
            for (Machine r : running) {
                r.run(Long.MAX_VALUE, (flags & Snapshot.OVER) != 0 ? Long.MAX_VALUE : time);
            }
            long from = s.time;
            s.read(time, in);
            running.removeIf(r -> differs(subject, place, s, r, r == m ? from : -1));
            compared++;
            if (!toEnd && running.remove(m)) {
                m.close();
            }
        }
        followed += running.size();
        running.forEach(Machine::close);
    }

    private Snapshot fresh(Subject subject, Place place) {
        Snapshot s = new Snapshot();
        try (Machine m = subject.machine(place, engine)) {
            s.take(m);
        }
        return s;
    }

    /**
     * Whether the machine is of no more use: it differs, or has been run on to see whether it does.
     *
     * @param from when the machine was restored, or -1 for long ago
     */
    private boolean differs(Subject subject, Place place, Snapshot s, Machine m, long from) {
        String difference = s.difference(m);
        if (difference == null) {
            return false;
        }
        if (differsLater(subject, place, s, m)) {
            fail(subject, place, from, "at " + s.time + ": " + difference);
        }
        m.close();
        return true;
    }

    /** One may be in the middle of a delivery that the other has finished in the same tick: then they are equal a little later. */
    private boolean differsLater(Subject subject, Place place, Snapshot s, Machine m) {
        try (Machine other = subject.machine(place, engine)) {
            s.restore(other, fresh(subject, place));
            m.run(Long.MAX_VALUE, s.time + LATER);
            other.run(Long.MAX_VALUE, s.time + LATER);
            Snapshot later = new Snapshot();
            later.take(other);
            return later.difference(m) != null;
        }
    }

    private void fail(Subject subject, Place place, long from, String what) {
        failed++;
        String when = from < 0 ? "long ago" : "at " + from;
        System.out.println("FAILED: %s on the %s, restored %s, %s".formatted(subject.name(), place, when, what));
    }
}

package dev.javisor.conformance.event;

import dev.javisor.machine.MachineExit;
import dev.javisor.processor.memory.PhysicalMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What the handlers of an {@link EventGuest} have written down, in words: the event, with its error code; the label that it returns to;
 * for #PF, and #DF that comes of one, the address in CR2; for #DB the causes in DR6; RF when it is set in the frame; user when it came
 * from ring 3, or v86 from virtual-8086 mode.
 */
public final class EventLog {
    private static final Map<Integer, String> NAMES = Map.ofEntries(
            Map.entry(0, "#DE"),
            Map.entry(1, "#DB"),
            Map.entry(2, "NMI"),
            Map.entry(3, "#BP"),
            Map.entry(4, "#OF"),
            Map.entry(5, "#BR"),
            Map.entry(6, "#UD"),
            Map.entry(7, "#NM"),
            Map.entry(8, "#DF"),
            Map.entry(10, "#TS"),
            Map.entry(11, "#NP"),
            Map.entry(12, "#SS"),
            Map.entry(13, "#GP"),
            Map.entry(14, "#PF"),
            Map.entry(17, "#AC"),
            Map.entry(18, "#MC"));
    private static final String[] CAUSES = {"B0", "B1", "B2", "B3", "", "", "", "", "", "", "", "BLD", "", "BD", "BS", "BT", "RTM"};
    private static final long DR6_INACTIVE = 0xFFFF0FF0L, RESUME_FLAG = 1 << 16, VIRTUAL_8086 = 1 << 17;

    /** More than any guest is meant to see. */
    private static final int MOST = 40;

    private EventLog() {}

    /** All events so far, and the end of the guest. */
    public static List<String> of(EventGuest guest, PhysicalMemory memory, MachineExit end) {
        List<String> seen = new ArrayList<>();
        long next = memory.read(EventGuest.RECORDS - 0x1000, 4);
        long last = Math.min(next, EventGuest.RECORDS + MOST * EventGuest.RECORD);
        for (long at = EventGuest.RECORDS; at < last; at += EventGuest.RECORD) {
            long[] r = new long[10];
            for (int i = 0; i < r.length; i++) {
                r[i] = memory.read(at + 8 * i, 8);
            }
            seen.add(event(guest, r));
        }
        seen.add(switch (end) {
            case MachineExit.PowerOff() -> "off";
            case MachineExit.Shutdown s -> "shutdown";
            default -> end.toString();
        });
        return seen;
    }

    private static String event(EventGuest guest, long[] r) {
        int vector = (int) r[0];
        StringBuilder s = new StringBuilder(NAMES.getOrDefault(vector, "INT" + hex(vector)));
        if (guest.isCoded(vector)) {
            s.append('(').append(hex(r[1])).append(')');
        }
        boolean virtual = (r[4] & VIRTUAL_8086) != 0;
        s.append(' ').append(place(guest, virtual ? r[3] * 16 + r[2] : r[2]));
        if (vector == 14 || vector == 8 && r[7] != 0) {
            s.append(" at ").append(hex(r[7]));
        }
        if (vector == 1) {
            long causes = r[8] ^ DR6_INACTIVE;
            for (int i = 0; i < 32; i++) {
                if ((causes >>> i & 1) != 0) {
                    s.append(' ').append(i < CAUSES.length && !CAUSES[i].isEmpty() ? CAUSES[i] : "DR6[" + i + "]");
                }
            }
        }
        return s.append((r[4] & RESUME_FLAG) != 0 ? " RF" : "")
                .append(virtual ? " v86" : (r[3] & 3) == 3 ? " user" : "")
                .toString();
    }

    private static String place(EventGuest guest, long address) {
        String label = guest.label(address);
        return label == null ? hex(address) : label;
    }

    private static String hex(long v) {
        return Long.toHexString(v).toUpperCase(Locale.ROOT);
    }
}

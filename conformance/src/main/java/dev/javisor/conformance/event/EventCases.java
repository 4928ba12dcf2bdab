package dev.javisor.conformance.event;

import dev.javisor.conformance.event.EventCase.Mode;
import java.util.ArrayList;
import java.util.List;

/** All guests whose events are known. */
public final class EventCases {
    private EventCases() {}

    public static List<EventCase> all() {
        List<EventCase> all = new ArrayList<>(DebugCases.all());
        all.addAll(FaultCases.all());
        all.addAll(InterruptCases.all());
        return all;
    }

    static EventCase in64(String name, String code, String... sees) {
        return new EventCase(name, Mode.LONG, code.replace("{tf}", "pushfq\nor dword [rsp], 0x100\npopfq"), ended(sees), true);
    }

    static EventCase in32(String name, String code, String... sees) {
        return new EventCase(name, Mode.PROTECTED, code.replace("{tf}", "pushfd\nor dword [esp], 0x100\npopfd"), ended(sees), true);
    }

    private static List<String> ended(String... sees) {
        List<String> all = new ArrayList<>(List.of(sees));
        if (all.isEmpty() || !all.getLast().equals("shutdown")) {
            all.add("off");
        }
        return all;
    }
}

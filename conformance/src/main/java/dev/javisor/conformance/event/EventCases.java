package dev.javisor.conformance.event;

import dev.javisor.conformance.event.EventCase.Mode;
import java.util.ArrayList;
import java.util.List;

/** All guests whose events are known. */
public final class EventCases {
    private static final String SET_TF = "pushfd\nor dword [esp], 0x100\npopfd";

    private EventCases() {}

    public static List<EventCase> all() {
        List<EventCase> all = new ArrayList<>(DebugCases.all());
        all.addAll(FaultCases.all());
        all.addAll(CombinedCases.all());
        all.addAll(InterruptCases.all());
        all.addAll(RealModeCases.all());
        all.addAll(Virtual8086Cases.all());
        return all;
    }

    static EventCase in64(String name, String code, String... sees) {
        return in(Mode.LONG, name, code.replace("{tf}", "pushfq\nor dword [rsp], 0x100\npopfq"), sees);
    }

    static EventCase in32(String name, String code, String... sees) {
        return in(Mode.PROTECTED, name, code.replace("{tf}", SET_TF), sees);
    }

    static EventCase inRealMode(String name, String code, String... sees) {
        return in(Mode.REAL, name, code.replace("{tf}", SET_TF), sees);
    }

    private static EventCase in(Mode mode, String name, String code, String... sees) {
        return new EventCase(name, mode, code, ended(sees), ended(sees), true);
    }

    static List<String> ended(String... sees) {
        List<String> all = new ArrayList<>(List.of(sees));
        if (all.isEmpty() || !all.getLast().equals("shutdown")) {
            all.add("off");
        }
        return all;
    }
}

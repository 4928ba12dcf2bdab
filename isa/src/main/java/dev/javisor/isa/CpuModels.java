package dev.javisor.isa;

import dev.javisor.isa.CpuModel.Vendor;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The named CPU models (resource {@code cpu-models.txt}) and the syntax in which users choose and change one:
 * {@code MODEL[,+feature|,-feature|,property=value]...}.
 */
public final class CpuModels {
    /** The model that is used when nobody asks for one: everything that is implemented. */
    public static final String DEFAULT = "max-intel";

    /** Other spellings of features, as other machines' command lines have them. */
    private static final Map<String, Feature> SYNONYMS = Map.ofEntries(
            Map.entry("tsc_deadline", Feature.TSC_DEADLINE_TIMER),
            Map.entry("lzcnt", Feature.ABM),
            Map.entry("sse3", Feature.PNI),
            Map.entry("ffxsr", Feature.FXSR_OPT),
            Map.entry("invtsc", Feature.NONSTOP_TSC),
            Map.entry("ds", Feature.DTS),
            Map.entry("stibp", Feature.INTEL_STIBP),
            Map.entry("ssbd", Feature.SPEC_CTRL_SSBD),
            Map.entry("ibpb", Feature.AMD_IBPB),
            Map.entry("cet_ss", Feature.SHSTK),
            Map.entry("cet_ibt", Feature.IBT),
            Map.entry("pause_filter", Feature.PAUSEFILTER),
            Map.entry("tme_mk", Feature.TME),
            Map.entry("sha", Feature.SHA_NI),
            Map.entry("sse3dnow", Feature._3DNOW));

    /** Properties that say nothing about an emulated processor. */
    private static final List<String> IGNORED = List.of("migratable", "enforce", "check", "l3_cache");

    private static final int WIDEST_PHYSICAL = 52;
    private static final int NARROWEST_PHYSICAL = 32;
    private static final Pattern WORD = Pattern.compile("\"([^\"]*)\"|(\\S+)");

    private final Map<String, EnumSet<Feature>> sets = new LinkedHashMap<>();
    private final Map<String, CpuModel> models = new LinkedHashMap<>();
    private final Map<String, String> aliases = new TreeMap<>();

    private CpuModels() {
        for (List<String> line : lines()) {
            switch (line.getFirst()) {
                case "set" -> sets.put(line.get(1), features(line.subList(2, line.size())));
                case "model" -> define(line);
                case "alias" -> aliases.put(line.get(1), line.get(2));
                default -> throw new IllegalStateException("cpu-models.txt: " + line);
            }
        }
    }

    /** Holds the table; read on first use. */
    private static final class Table {
        static final CpuModels INSTANCE = new CpuModels();
    }

    /** The names of the models, in the order of the table. */
    public static List<String> names() {
        return List.copyOf(Table.INSTANCE.models.keySet());
    }

    /** Other names and the models that they stand for, sorted. */
    public static Map<String, String> aliases() {
        return Map.copyOf(Table.INSTANCE.aliases);
    }

    /** The features that the processor implements. */
    public static FeatureSet implemented() {
        return new FeatureSet(Table.INSTANCE.sets.get("implemented"));
    }

    /**
     * The model that a user asks for, for example {@code max-intel,+x2apic,-pcid,phys-bits=40}. Properties: {@code vendor},
     * {@code phys-bits}, {@code host-phys-bits} (as wide as the software processor can be), {@code family}, {@code model},
     * {@code stepping}, {@code kvm} (all or nothing of what KVM offers to guests); a feature may also be given as
     * {@code feature=on|off}. {@code max} is {@code max-amd} when SVM is
     * asked for, else {@code max-intel}.
     *
     * @throws UnknownCpuException when a part of it does not exist
     */
    public static CpuModel parse(String text) {
        return Table.INSTANCE.resolve(text);
    }

    private CpuModel resolve(String text) {
        List<String> parts = List.of(text.split(","));
        CpuModel base = base(parts);
        EnumSet<Feature> listed = base.listed().toSet();
        Vendor vendor = base.vendor();
        int family = base.family();
        int number = base.model();
        int stepping = base.stepping();
        int physical = base.physicalBits();
        for (String part : parts.subList(1, parts.size())) {
            int equals = part.indexOf('=');
            String key = equals < 0 ? part : part.substring(0, equals);
            String value = equals < 0 ? "on" : part.substring(equals + 1);
            if (key.startsWith("+")) {
                listed.add(feature(key.substring(1)));
                continue;
            }
            if (key.startsWith("-")) {
                listed.remove(feature(key.substring(1)));
                continue;
            }
            switch (key) {
                case "vendor" -> vendor = vendor(value);
                case "phys-bits" -> physical = number(key, value, NARROWEST_PHYSICAL, WIDEST_PHYSICAL);
                case "host-phys-bits" -> physical = flag(key, value) ? WIDEST_PHYSICAL : physical;
                case "family" -> family = number(key, value, 0, 270);
                case "model" -> number = number(key, value, 0, 255);
                case "stepping" -> stepping = number(key, value, 0, 15);
                case "kvm" -> {
                    listed.removeIf(Feature::isParavirtual);
                    listed.addAll(flag(key, value) ? sets.get("kvm") : Set.of());
                }
                default -> {
                    if (!IGNORED.contains(normal(key))) {
                        Feature f = feature(key);
                        if (flag(key, value)) {
                            listed.add(f);
                        } else {
                            listed.remove(f);
                        }
                    }
                }
            }
        }
        completeParavirtual(listed);
        return model(text, vendor, family, number, stepping, physical, base.maxLeaf(), base.maxExtendedLeaf(), base.brand(), listed);
    }

    /** The clock has two places of registers, and is one feature to users; what KVM offers shows that there is a hypervisor. */
    private static void completeParavirtual(Set<Feature> listed) {
        listed.remove(Feature.KVMCLOCK2);
        if (listed.contains(Feature.KVMCLOCK)) {
            listed.add(Feature.KVMCLOCK2);
        }
        if (listed.stream().anyMatch(Feature::isParavirtual)) {
            listed.add(Feature.HYPERVISOR);
        }
    }

    private CpuModel base(List<String> parts) {
        String name = parts.getFirst();
        name = aliases.getOrDefault(name, name);
        if (name.equals("max")) {
            boolean amd = parts.contains("+svm") || parts.contains("svm=on") || parts.contains("vendor=" + Vendor.AMD.id);
            name = amd ? "max-amd" : "max-intel";
        }
        CpuModel m = models.get(name);
        if (m == null) {
            throw new UnknownCpuException("unknown CPU model '" + parts.getFirst() + "'; known: " + String.join(", ", models.keySet()));
        }
        return m;
    }

    private CpuModel model(
            String name, Vendor vendor, int family, int model, int stepping, int physical, int leaf, int extended, String brand,
            EnumSet<Feature> listed) {
        EnumSet<Feature> present = EnumSet.copyOf(listed);
        present.retainAll(sets.get("implemented"));
        for (Feature f : present) {
            if (f.isParavirtual()) {
                continue;
            }
            if (f.leaf >= 0) {
                leaf = Math.max(leaf, f.leaf);
            } else {
                extended = Math.max(extended, f.leaf);
            }
        }
        return new CpuModel(
                name, vendor, family, model, stepping, brand, physical, leaf, extended, new FeatureSet(listed), new FeatureSet(present));
    }

    private static Vendor vendor(String id) {
        for (Vendor v : Vendor.values()) {
            if (v.id.equals(id)) {
                return v;
            }
        }
        throw new UnknownCpuException("unknown CPU vendor '" + id + "'; known: " + Vendor.INTEL.id + ", " + Vendor.AMD.id);
    }

    private static int number(String key, String value, int least, int most) {
        try {
            int n = Integer.decode(value);
            if (n >= least && n <= most) {
                return n;
            }
        } catch (NumberFormatException e) {
            // reported below, like a number out of range
        }
        throw new UnknownCpuException("CPU property " + key + " must be a number from " + least + " to " + most + ", not '" + value + "'");
    }

    private static boolean flag(String key, String value) {
        return switch (value) {
            case "on", "yes", "true", "y" -> true;
            case "off", "no", "false", "n" -> false;
            default -> throw new UnknownCpuException("CPU property " + key + " must be on or off, not '" + value + "'");
        };
    }

    private static String normal(String name) {
        return name.toLowerCase(Locale.ROOT).replace('-', '_').replace('.', '_');
    }

    private static Feature feature(String name) {
        String normal = normal(name);
        Feature f = SYNONYMS.get(normal);
        if (f != null) {
            return f;
        }
        for (Feature candidate : Feature.values()) {
            if (candidate.lowerCaseName().equals(normal)) {
                return candidate;
            }
        }
        throw new UnknownCpuException("unknown CPU feature '" + name + "'");
    }

    // ---- reading the table ----

    private EnumSet<Feature> features(List<String> names) {
        EnumSet<Feature> result = EnumSet.noneOf(Feature.class);
        for (String n : names) {
            if (n.startsWith("@")) {
                result.addAll(sets.get(n.substring(1)));
            } else {
                result.add(feature(n));
            }
        }
        return result;
    }

    private void define(List<String> line) {
        String name = line.get(1);
        models.put(
                name,
                model(
                        name,
                        Vendor.valueOf(line.get(2).toUpperCase(Locale.ROOT)),
                        Integer.decode(line.get(3)),
                        Integer.decode(line.get(4)),
                        Integer.decode(line.get(5)),
                        Integer.decode(line.get(6)),
                        Long.decode(line.get(7)).intValue(),
                        Long.decode(line.get(8)).intValue(),
                        line.get(9),
                        features(line.subList(10, line.size()))));
    }

    /** The lines of the table as words, continuations joined, comments gone. */
    private static List<List<String>> lines() {
        List<List<String>> lines = new ArrayList<>();
        for (String text : text().lines().toList()) {
            if (text.isBlank() || text.startsWith("#")) {
                continue;
            }
            List<String> words = text.startsWith(" ") ? lines.getLast() : new ArrayList<>();
            if (words.isEmpty()) {
                lines.add(words);
            }
            Matcher m = WORD.matcher(text);
            while (m.find()) {
                words.add(m.group(1) != null ? m.group(1) : m.group(2));
            }
        }
        return lines;
    }

    private static String text() {
        try (InputStream in = CpuModels.class.getResourceAsStream("cpu-models.txt")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

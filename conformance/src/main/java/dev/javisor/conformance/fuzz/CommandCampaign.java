package dev.javisor.conformance.fuzz;

import dev.javisor.cli.Main;
import dev.javisor.isa.CpuModels;
import dev.javisor.isa.Feature;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;

/** Damaged kernels, firmware and disk images, and command lines that mean nothing: one clear line and a documented exit status. */
final class CommandCampaign implements Campaign {
    private static final int WRONG_USAGE = 2;
    private static final List<Integer> STATUSES = List.of(0, WRONG_USAGE, 4, 6, 8, 10);
    private static final long[] SIZES = {
        0, 1, -1, 0x7F, 0xFFFF, 0x7FFF_FFFFL, 0x8000_0000L, 0xFFFF_FFFFL, 0xFFFF_F000L, 0x1_0000_0000L, Long.MAX_VALUE, Long.MIN_VALUE,
        0x10_0000, 0xA_0000
    };
    private static final String[] OPTIONS = {
        "--kernel", "--firmware", "--initrd", "--module", "--append", "--cpu", "--smp", "--memory", "--machine", "--on", "--entry",
        "--drive", "--serial", "--debugcon", "--virtio-console", "--send-after", "--no-reboot", "--test-device", "--seed", "--engine",
        "--limit-instructions", "--state-hash", "--stat", "--help", "--nonsense", "-m"
    };

    private final Path directory;

    CommandCampaign() throws IOException {
        directory = Files.createTempDirectory("javisor-fuzz");
    }

    @Override
    public String name() {
        return "commands";
    }

    @Override
    public String run(long seed) throws IOException {
        SplittableRandom r = new SplittableRandom(seed);
        List<String> arguments = switch (r.nextInt(8)) {
            case 0 -> nonsense(r);
            case 1 -> question(r);
            default -> start(r);
        };
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        int status;
        try (PrintStream o = new PrintStream(out);
                PrintStream e = new PrintStream(err)) {
            status = Main.execute(arguments.toArray(new String[0]), o, e);
        }
        String said = err.toString(StandardCharsets.UTF_8);
        List<String> messages = said.lines().filter(l -> l.startsWith("javisor: ")).toList();
        boolean clear = messages.size() <= 1 || status != WRONG_USAGE;
        if (!STATUSES.contains(status) && (status & 1) == 0
                || status == WRONG_USAGE && messages.size() != 1
                || !clear
                || said.contains("Exception") || said.contains("\tat ")) {
            throw new AssertionError("status " + status + ", " + said + " of " + arguments);
        }
        return "status " + (status % 2 == 0 ? status : "odd");
    }

    // ---- command lines ----

    private List<String> nonsense(SplittableRandom r) throws IOException {
        List<String> a = new ArrayList<>(List.of("run", "--limit-instructions", "1000", "--serial", "null"));
        for (int n = r.nextInt(1, 6); n > 0; n--) {
            String option = OPTIONS[r.nextInt(OPTIONS.length)];
            a.add(option);
            if (option.equals("--help")) {
                continue;
            }
            if (!option.startsWith("--n") && !option.startsWith("--st")) {
                a.add(option.equals("--kernel") || option.equals("--firmware") ? file(r, r.nextInt(8)) : word(r));
            }
            if (option.equals("--send-after")) {
                a.add(word(r));
            }
        }
        return a;
    }

    private List<String> question(SplittableRandom r) {
        return switch (r.nextInt(4)) {
            case 0 -> List.of("disasm", word(r));
            case 1 -> {
                byte[] code = new byte[r.nextInt(40)];
                r.nextBytes(code);
                StringBuilder hex = new StringBuilder();
                for (byte b : code) {
                    hex.append(String.format("%02x ", b));
                }
                yield List.of("disasm", hex.toString());
            }
            case 2 -> List.of("cpu", "show", word(r));
            default -> List.of(word(r), word(r));
        };
    }

    /** What somebody might type, or a program might pass. */
    private static String word(SplittableRandom r) {
        return switch (r.nextInt(14)) {
            case 0 -> "";
            case 1 -> "" + r.nextLong();
            case 2 -> r.nextInt(64) + "M";
            case 3 -> SIZES[r.nextInt(SIZES.length)] + "T";
            case 4 -> "stdio,ro";
            case 5 -> "file:/nonexistent/" + r.nextInt(100);
            case 6 -> "\\n\\x" + r.nextInt(100);
            case 7 -> "/";
            case 8 -> "max-intel,+" + Feature.values()[r.nextInt(Feature.values().length)].name().toLowerCase(Locale.ROOT);
            case 9 -> CpuModels.names().get(r.nextInt(CpuModels.names().size())) + ",phys-bits=" + r.nextInt(64);
            case 10 -> "q35";
            case 11 -> "a\0b";
            case 12 -> "--";
            default -> {
                char[] c = new char[r.nextInt(1, 12)];
                for (int i = 0; i < c.length; i++) {
                    c[i] = (char) r.nextInt(1, r.nextInt(8) == 0 ? 0x3000 : 0x7F);
                }
                yield new String(c);
            }
        };
    }

    // ---- files ----

    private List<String> start(SplittableRandom r) throws IOException {
        int which = r.nextInt(8);
        List<String> a = new ArrayList<>(List.of("run", "--serial", "null", "--no-reboot", "--limit-instructions", "2000"));
        a.addAll(List.of(which == 7 ? "--firmware" : "--kernel", file(r, which)));
        a.addAll(List.of("--memory", r.nextInt(2, 12) + "M"));
        if (which != 7 && r.nextInt(3) == 0) {
            Path initrd = directory.resolve("initrd");
            Files.write(initrd, new byte[r.nextInt(4) == 0 ? r.nextInt(12 << 20) : r.nextInt(10000)]);
            a.addAll(List.of("--initrd", initrd.toString()));
        }
        if (which != 7 && r.nextInt(3) == 0) {
            a.addAll(List.of("--append", "x".repeat(r.nextInt(5000))));
        }
        if (r.nextInt(3) == 0) {
            a.addAll(List.of("--cpu", CpuModels.names().get(r.nextInt(CpuModels.names().size()))));
        }
        if (r.nextInt(3) == 0) {
            a.addAll(List.of("--machine", "q35", "--smp", "" + r.nextInt(1, 4), "--state-hash"));
        }
        if (r.nextInt(4) == 0) {
            Path disk = directory.resolve("disk");
            Files.write(disk, new byte[r.nextInt(3000)]);
            a.addAll(List.of("--drive", disk + (r.nextBoolean() ? ",ro" : "")));
        }
        return a;
    }

    /** An image, damaged more or less. */
    private String file(SplittableRandom r, int which) throws IOException {
        byte[] image = Images.all().get(which).clone();
        ByteBuffer b = ByteBuffer.wrap(image).order(ByteOrder.LITTLE_ENDIAN);
        int header = Math.min(image.length, 0x280);
        for (int n = r.nextInt(6); n > 0; n--) {
            long size = SIZES[r.nextInt(SIZES.length)] + r.nextInt(-2, 3);
            switch (r.nextInt(4)) {
                case 0 -> image[r.nextInt(header)] ^= (byte) (1 << r.nextInt(8));
                case 1 -> b.putInt(4 * r.nextInt(header / 4), (int) size);
                case 2 -> b.putLong(8 * r.nextInt(header / 8), size);
                default -> image[r.nextInt(image.length)] = (byte) r.nextInt();
            }
        }
        if (r.nextInt(4) == 0) {
            image = Arrays.copyOf(image, r.nextInt(r.nextInt(3) == 0 ? 2 * image.length : image.length + 1));
        }
        Path file = directory.resolve("image");
        Files.write(file, image);
        return file.toString();
    }

    @Override
    public void close() throws IOException {
        for (String name : List.of("image", "initrd", "disk")) {
            Files.deleteIfExists(directory.resolve(name));
        }
        Files.deleteIfExists(directory);
    }
}

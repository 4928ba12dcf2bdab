package dev.javisor.conformance.fuzz;

import dev.javisor.conformance.fuzz.PlacePair.Way;
import java.util.SplittableRandom;

/**
 * Random guests on the metal and on the hypervisor, side by side: registers, devices and time are the same behind any number of
 * instructions, and memory at the end. On the hypervisor every way of running is tried: engines, emulated and virtualized local APICs,
 * tables of pages that are lost, states that are saved and go on elsewhere.
 */
final class PlaceCampaign implements Campaign {
    private static final int SLICES = 12, LONGEST_SLICE = 12;

    private long instructions;

    @Override
    public String name() {
        return "place";
    }

    @Override
    public long instructions() {
        return instructions;
    }

    @Override
    public String run(long seed) {
        World world = new World(seed, true);
        SplittableRandom random = new SplittableRandom(~seed);
        Way way = Way.random(random);
        // Of any order of magnitude.
        int[] slices = random.ints(SLICES, 0, LONGEST_SLICE + 1).map(bits -> 1 + random.nextInt(1 << bits)).toArray();
        long events = random.nextLong();
        String difference;
        int alike = 0;
        try (PlacePair pair = new PlacePair(world, way)) {
            SplittableRandom r = new SplittableRandom(events);
            difference = pair.run(slices[0]);
            while (difference == null && ++alike < SLICES && pair.goesOn()) {
                pair.disturb(r);
                difference = pair.run(slices[alike]);
            }
            if (difference == null && !pair.hasFailed()) {
                difference = pair.memoryDifference();
            }
            instructions += pair.retired();
            if (difference == null) {
                return world.label() + " " + pair.outcome();
            }
        }
        String exact = findExactly(world, way, slices, events, alike);
        throw new AssertionError(world.label() + ", slice " + alike + ": " + (exact == null ? difference : exact));
    }

    /** Looks for a difference behind each instruction of a slice, in which it may not appear. */
    private static String findExactly(World world, Way way, int[] slices, long events, int slice) {
        try (PlacePair pair = new PlacePair(world, way)) {
            SplittableRandom r = new SplittableRandom(events);
            for (int k = 0; k < slice; k++) {
                pair.run(slices[k]);
                pair.disturb(r);
            }
            pair.trace();
            String difference = null;
            for (int s = 0; slice < SLICES && s < slices[slice] && difference == null && pair.goesOn(); s++) {
                difference = pair.run(1);
            }
            return difference;
        }
    }
}

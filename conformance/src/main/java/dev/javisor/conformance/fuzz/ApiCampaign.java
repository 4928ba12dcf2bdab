package dev.javisor.conformance.fuzz;

import dev.javisor.hypervisor.abi.KvmException;
import java.util.SplittableRandom;

/**
 * Random calls of the hypervisor's interface, with arguments and states that may be impossible, and runs between them: a call does what it
 * says, or is refused with an error that it documents and leaves everything as it was.
 */
final class ApiCampaign implements Campaign {
    private static final int CALLS = 200;

    @Override
    public String name() {
        return "api";
    }

    @Override
    public String run(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int refused = 0;
        try (ApiWorld world = new ApiWorld(random)) {
            for (int i = 0; i < CALLS; i++) {
                ApiCall call = ApiCall.values()[random.nextInt(ApiCall.values().length)];
                byte[] before = world.state();
                try {
                    call.make(world);
                } catch (KvmException e) {
                    refused++;
                    world.expect(before, call + ", refused with " + e.error() + " (" + e.getMessage() + ")");
                } catch (RuntimeException | Error e) {
                    throw new AssertionError("call " + i + ", " + call + ": " + e, e);
                }
                if (random.nextInt(4) == 0) {
                    world.run();
                }
            }
        }
        return refused == 0 ? "nothing refused" : "some refused";
    }
}

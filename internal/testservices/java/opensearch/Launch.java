import java.nio.file.Files;
import java.nio.file.Path;
import org.codelibs.opensearch.runner.OpenSearchRunner;
import org.opensearch.http.HttpServerTransport;

/**
 * Starts one OpenSearch node in this JVM: Launch DIR PORT (0 = any free port). Writes its address to DIR/server.url.
 * The runner's own main() is not used because it refuses ports above 9299,
 * picks a port of its own choice, and swallows every start-up exception.
 */
public class Launch {
    public static void main(String[] args) throws Exception {
        Path home = Path.of(args[0]).toAbsolutePath();
        OpenSearchRunner runner = new OpenSearchRunner();
        runner.setMaxHttpPort(-1); // no port probing; http.port below decides
        runner.onBuild((n, s) -> {
            s.put("http.port", args[1]);
            s.put("transport.port", "0");
            s.put("network.host", "127.0.0.1");
            s.put("discovery.type", "single-node");
            s.put("node.processors", "2");
            s.put("cluster.routing.allocation.disk.threshold_enabled", false);
            s.put("action.auto_create_index", true);
        });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                runner.close();
            } catch (Exception e) {
                e.printStackTrace();
            }
        }));
        try {
            runner.build(OpenSearchRunner.newConfigs().basePath(home.toString()).numOfNode(1)
                    .clusterName("dhr-test"));
            int port = runner.getInstance(HttpServerTransport.class).boundAddress().publishAddress().getPort();
            Files.writeString(home.resolve("server.url"), "http://127.0.0.1:" + port + "\n");
        } catch (Throwable t) {
            t.printStackTrace();
            System.exit(1);
        }
        Thread.currentThread().join(); // until SIGTERM
    }
}

package launch;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.http.HttpServerTransport;
import org.elasticsearch.node.OpenNode;
import org.elasticsearch.plugins.Plugin;

/**
 * Starts one Elasticsearch node in this JVM: Launch DIR PORT (0 = any free port). Writes its address to DIR/server.url.
 * There is no bootstrap and hence none of its checks, so that it runs as root too. What differs between versions is OpenNode.
 */
public class Launch {
    public static void main(String[] args) {
        try {
            Path home = Path.of(args[0]).toAbsolutePath();
            OpenNode.configureLogging();
            Settings settings = Settings.builder()
                    .put("path.home", home).put("path.data", home.resolve("data")).put("path.logs", home)
                    .put("cluster.name", "dhr-test").put("node.name", "node-1")
                    .put("network.host", "127.0.0.1").put("http.port", args[1]).put("transport.port", "0")
                    .put("discovery.type", "single-node").put("node.processors", 2)
                    .put("cluster.routing.allocation.disk.threshold_enabled", false)
                    .put("indices.breaker.total.use_real_memory", false)
                    .build();
            List<Class<? extends Plugin>> plugins = new ArrayList<>();
            for (String c : System.getProperty("search.plugins").split(",")) {
                plugins.add(Class.forName(c).asSubclass(Plugin.class));
            }
            Files.createDirectories(home.resolve("config"));
            OpenNode node = new OpenNode(new Environment(settings, home.resolve("config")), plugins);
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                try {
                    node.close();
                } catch (Exception e) {
                    e.printStackTrace();
                }
            }));
            node.start();
            int port = node.injector().getInstance(HttpServerTransport.class).boundAddress().publishAddress().getPort();
            Files.writeString(home.resolve("server.url"), "http://127.0.0.1:" + port + "\n");
            Thread.currentThread().join(); // until SIGTERM
        } catch (Throwable t) {
            t.printStackTrace();
            System.exit(1);
        }
    }
}

package launch;

import java.util.List;
import java.util.function.Supplier;
import org.elasticsearch.Build;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.cluster.metadata.IndexNameExpressionResolver;
import org.elasticsearch.cluster.node.DiscoveryNodes;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.common.settings.ClusterSettings;
import org.elasticsearch.common.settings.IndexScopedSettings;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.common.settings.SettingsFilter;
import org.elasticsearch.plugins.ActionPlugin;
import org.elasticsearch.plugins.Plugin;
import org.elasticsearch.rest.RestChannel;
import org.elasticsearch.rest.RestController;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestResponse;
import org.elasticsearch.rest.RestStatus;

/** Answers GET / and HEAD / the way the product's own rest-root module (which is not published) does. */
public class RootPlugin extends Plugin implements ActionPlugin {
    public static volatile ClusterService cluster; // set by OpenNode once the node exists

    @Override
    public List<RestHandler> getRestHandlers(Settings s, RestController rc, ClusterSettings cs, IndexScopedSettings is,
            SettingsFilter sf, IndexNameExpressionResolver r, Supplier<DiscoveryNodes> nodes) {
        return List.of(new Root());
    }

    static class Root implements RestHandler {
        @Override
        public List<Route> routes() {
            return List.of(new Route(RestRequest.Method.GET, "/"), new Route(RestRequest.Method.HEAD, "/"));
        }

        @Override
        public void handleRequest(RestRequest request, RestChannel channel, NodeClient client) throws Exception {
            Build b = Build.current();
            var x = channel.newBuilder().prettyPrint().startObject();
            x.field("name", cluster.getNodeName());
            x.field("cluster_name", cluster.getClusterName().value());
            x.field("cluster_uuid", cluster.state().metadata().clusterUUID());
            x.startObject("version");
            x.field("number", b.qualifiedVersion());
            x.field("build_flavor", b.flavor());
            x.field("build_type", b.type().displayName());
            x.field("build_hash", b.hash());
            x.field("build_date", b.date());
            x.field("build_snapshot", b.isSnapshot());
            x.field("lucene_version", org.apache.lucene.util.Version.LATEST.toString());
            x.field("minimum_wire_compatibility_version", b.minWireCompatVersion());
            x.field("minimum_index_compatibility_version", b.minIndexCompatVersion());
            x.endObject();
            x.field("tagline", "You Know, for Search");
            x.endObject();
            channel.sendResponse(new RestResponse(RestStatus.OK, x));
        }
    }
}
